import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import type { Configuration } from './kubeconfig.ts';

/** What makes us trust the API server, and it us. */
export interface Credentials {
  tls: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & {
    servername?: string | undefined;
    rejectUnauthorized: boolean;
  };
  headers: Record<string, string>;
}

/** Reads the credentials of a configuration, again whenever asked: all of them may change while the process runs. */
export class CredentialSource {
  readonly #load: () => Configuration;
  #configuration: Configuration;

  /** @throws Error when `load` does */
  constructor(load: () => Configuration) {
    this.#load = load;
    this.#configuration = load();
  }

  get server(): URL {
    return this.#configuration.server;
  }

  get namespace(): string {
    return this.#configuration.namespace;
  }

  get proxy(): string | undefined {
    return this.#configuration.proxy;
  }

  /**
   * Certificates, key and token as they are now: files are read; a plugin is run unless its last answer still holds.
   * @throws Error when something cannot be read, or certificate and key are not a pair (as in the middle of a rotation)
   */
  async read(): Promise<Credentials> {
    const { config, tokenFile } = this.#configuration;
    const token = tokenFile && (await readToken(tokenFile));
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key, servername, rejectUnauthorized = true, auth, headers } = options;
    if (ca && !holdsCertificate(ca)) throw new Error('the CA file of the API server holds no certificate');
    createSecureContext({ ca, cert, key });
    return {
      tls: { ca, cert, key, servername, rejectUnauthorized },
      headers: {
        ...(auth && { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
        ...(headers as Record<string, string> | undefined),
        ...(token && { Authorization: `Bearer ${token}` }),
      },
    };
  }

  /**
   * Forgets what an earlier reading remembered: the kubeconfig and the answers of plugins.
   * @throws Error when the kubeconfig is unusable by now, or has come to speak of another server: that server's
   *   credentials must not be sent to ours
   */
  reload(): void {
    const next = this.#load();
    if (next.server.href !== this.server.href) {
      throw new Error(`the kubeconfig now names another server, ${next.server.host}`);
    }
    this.#configuration = next;
  }
}

async function readToken(file: string): Promise<string> {
  // Editors and `kubectl create token > file` end it with a newline, which no header may have.
  const token = (await readFile(file, 'utf8')).trim();
  if (!token) throw new Error(`the token file ${file} is empty`);
  return token;
}

/** TLS takes bytes that are no certificate for "trust nobody", and says nothing. */
function holdsCertificate(ca: NonNullable<RequestOptions['ca']>): boolean {
  try {
    return [ca].flat().every((pem) => new X509Certificate(pem).raw.length > 0);
  } catch {
    return false;
  }
}
