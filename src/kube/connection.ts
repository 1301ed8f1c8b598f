import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { Agent, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { Credentials, CredentialSource } from './credentials.ts';
import { credentialsUnavailable } from './errors.ts';
import { excerpt } from './excerpt.ts';

/** How old credentials may get before their files are looked at again. Tokens rotate hours before they expire. */
const recheckMs = 10_000;
/** Refused credentials are loaded from the ground up (kubeconfig, plugin) at most this often. */
const reloadMs = 10_000;

/** A page of 500 objects of 100 KiB fits. One object has a few MiB at most, so that what remains too large is no answer. */
const maxAnswerBytes = 64 * 1024 * 1024;

/**
 * Pools for one API server. Watches occupy a connection for minutes and must not starve the calls; what is urgent must not
 * wait behind calls that a busy server answers slowly.
 */
export interface Pools {
  calls: Dispatcher;
  urgent: Dispatcher;
  watches: Dispatcher;
}

/** What a request is sent with and over. */
export interface Session {
  headers: Record<string, string>;
  pools: Pools;
}

/**
 * The way to one API server. Credentials are looked at every 10 s of use and at once after a refusal; when certificates
 * changed, new pools take the place of the old ones, which end what they have begun.
 */
export class Connection {
  readonly server: URL;
  /** The namespace that this process belongs to. */
  readonly namespace: string;
  readonly #source: CredentialSource;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #session: Session | undefined;
  #fingerprint = '';
  #recheckAt = 0;
  #reloadAt = 0;
  #refused = false;
  #reading: Promise<Session> | undefined;

  constructor({ source, logger, clock }: { source: CredentialSource; logger: Logger; clock: Clock }) {
    this.server = source.server;
    this.namespace = source.namespace;
    this.#source = source;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** @throws KubeError `CredentialsUnavailable` when they never could be read; later the last ones stay in use */
  async obtain(): Promise<Session> {
    if (this.#session && this.#clock.elapsed() < this.#recheckAt) return this.#session;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  /** Tells that the API server did not accept the credentials of `session`. */
  refuse(session: Session): void {
    if (session !== this.#session) return; // others are in use by now
    this.#refused = true;
    this.#recheckAt = 0;
  }

  /** Breaks off all calls and watches. */
  async close(): Promise<void> {
    const pools = this.#session?.pools;
    await Promise.all([pools?.calls.destroy(), pools?.urgent.destroy(), pools?.watches.destroy()]);
  }

  async #read(): Promise<Session> {
    try {
      this.#reloadIfRefused();
      return this.#adopt(await this.#source.read());
    } catch (error) {
      const problem = excerpt(error instanceof Error ? error.message : String(error), 256);
      if (!this.#session) throw credentialsUnavailable(problem);
      this.#logger.warn({ problem }, 'credentials for the API server cannot be read, the last ones stay in use');
      return this.#session;
    } finally {
      this.#recheckAt = this.#clock.elapsed() + recheckMs;
    }
  }

  #reloadIfRefused(): void {
    const now = this.#clock.elapsed();
    if (!this.#refused || now < this.#reloadAt) return;
    this.#reloadAt = now + reloadMs;
    this.#refused = false;
    this.#source.reload();
  }

  #adopt({ tls, headers }: Credentials): Session {
    const fingerprint = fingerprintOf(tls);
    const before = this.#session;
    const changed = !before || fingerprint !== this.#fingerprint;
    this.#session = { headers, pools: changed ? openPools(tls, this.#source.proxy) : before.pools };
    this.#fingerprint = fingerprint;
    if (before && changed) {
      this.#logger.info('certificates for the API server changed, connecting anew');
      retire(before.pools);
    }
    return this.#session;
  }
}

function openPools({ rejectUnauthorized, servername, ...material }: Credentials['tls'], proxy?: string): Pools {
  const tls = { ...material, rejectUnauthorized, ...(servername && { servername }) };
  const options = {
    // HTTP/2 would bring nothing for single calls, and long watches over it have a history of leaks and hangs.
    allowH2: false,
    // Shorter than the 60 s after which many load balancers drop an idle connection; the API server keeps it for 90 s.
    keepAliveTimeout: 30_000,
    // Times are bounded per call, by a clock that tests can drive.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const connect = { ...tls, keepAliveInitialDelay: 30_000 };
  const open = (extra: { connections?: number; maxResponseSize?: number; connectTimeout?: number }): Dispatcher =>
    proxy
      ? new ProxyAgent({ ...options, ...extra, uri: proxy, requestTls: tls })
      : new Agent({ ...options, ...extra, connect });
  return {
    // A call takes some 10 ms, so that 32 at a time are thousands per second; more connections would cost handshakes.
    calls: open({ connections: 32, maxResponseSize: maxAnswerBytes }),
    // Another takes the place of one that is stuck, or that is not made while there is time for another attempt.
    urgent: open({ connections: 2, maxResponseSize: maxAnswerBytes, connectTimeout: 2_000 }),
    watches: open({}),
  };
}

/** Lets a pool end what it has begun: calls at once, watches when the server ends them (after 10 min at the latest). */
function retire({ calls, urgent, watches }: Pools): void {
  for (const pool of [calls, urgent, watches]) pool.close().catch(() => {});
}

/** Tells whether certificates changed without keeping a second copy of the key. */
function fingerprintOf({ ca, cert, key, servername, rejectUnauthorized }: Credentials['tls']): string {
  const parts = [ca, cert, key].flat().map((part) => String(part));
  return createHash('sha256')
    .update(JSON.stringify([parts, servername, rejectUnauthorized]))
    .digest('hex');
}
