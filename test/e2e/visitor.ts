import { X509Certificate } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { connect } from 'node:tls';

import { eventually } from '../support/eventually.ts';

interface Server {
  port: number;
  /** The name that is asked for, and that must be in the certificate. */
  domain: string;
  /** The only authority that is trusted; PEM. */
  ca: string;
}

/** A client that makes one TLS connection after the other, and verifies each in full. */
export class Visitor implements AsyncDisposable {
  /** What it was shown, by SHA-256 fingerprint: one entry for each change, so that nothing that came in between is lost. */
  readonly shown: string[] = [];
  /** Why handshakes failed. */
  readonly failures: string[] = [];
  handshakes = 0;
  readonly #server: Server;
  readonly #done: Promise<void>;
  #stopping = false;

  constructor(server: Server) {
    this.#server = server;
    this.#done = this.#visit();
  }

  /** Waits until it is shown this certificate. */
  sees({ certificate }: { certificate: string }): Promise<void> {
    const { fingerprint256 } = new X509Certificate(certificate);
    return eventually(
      () => {
        if (this.shown.at(-1) !== fingerprint256)
          throw new Error(`${this.#server.domain} is served with ${this.shown.at(-1)}, not ${fingerprint256}`);
      },
      { timeoutMs: 120_000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async #visit(): Promise<void> {
    while (!this.#stopping) {
      try {
        const fingerprint = await shownBy(this.#server);
        this.handshakes++;
        if (this.shown.at(-1) !== fingerprint) this.shown.push(fingerprint);
      } catch (error) {
        this.failures.push((error as Error).message);
      }
      await setTimeout(5);
    }
  }
}

/**
 * The certificate that a server shows.
 * @throws when it is not valid for the name, or not from the authority
 */
export function shownBy({ port, domain, ca }: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: domain, ca }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? 'nothing');
      socket.destroy();
    });
    socket.on('error', reject);
    socket.setTimeout(10_000, () => socket.destroy(new Error('the handshake takes more than 10 s')));
  });
}
