import { isIP, isIPv6 } from 'node:net';
import { isLinkLocal } from './link-local.ts';
import { providers } from './registry.ts';

/** Which endpoints may be contacted: the built-in hosts of the providers over https, and what `--allow-endpoint` adds. */
export class Endpoints {
  readonly #allowed: readonly Allowed[];
  readonly #remedy: (flag: string) => string;

  /**
   * @param allow values of `--allow-endpoint`: `HOST[:PORT]`, `http://HOST[:PORT]` or `*`
   * @param remedy how users give one, for messages
   * @throws Error with one sentence that names the value, when it is none of these
   */
  constructor(
    allow: readonly string[] = [],
    remedy = (flag: string): string => `start the operator with ${flag} (chart: allowEndpoints)`,
  ) {
    this.#allowed = allow.map(parse);
    this.#remedy = remedy;
  }

  /** Every https host is allowed: worth a warning at start. */
  get unrestricted(): boolean {
    return this.#allowed.some(({ host }) => host === '*');
  }

  /** One sentence that says why this origin must not be contacted, or undefined when it may be. */
  check(endpoint: string | URL): string | undefined {
    const url = origin(String(endpoint));
    if (url === undefined) return 'The endpoint must be an origin, https://host[:port], with nothing after it.';
    const { host, port } = parts(url);
    if (isLinkLocal(host)) return 'The endpoint is a link-local address, which is never contacted.';
    if (url.protocol === 'https:' && providers.some((provider) => provider.isBuiltIn(host))) return undefined;
    const listed = this.#allowed.filter(
      (allowed) => allowed.host === '*' || (allowed.host === host && (allowed.port ?? port) === port),
    );
    if (listed.some(({ schemes }) => schemes.includes(url.protocol))) return undefined;
    return listed.length > 0 && url.protocol === 'http:'
      ? `The endpoint uses plain http; ${this.#remedy(`--allow-endpoint http://${url.host}`)} to allow that.`
      : `The endpoint's host is not allowed; ${this.#remedy(`--allow-endpoint ${url.host}`)} to allow it.`;
  }
}

interface Allowed {
  /** As a URL has it; without brackets. */
  host: string;
  port: string | undefined;
  schemes: readonly string[];
}

const authority = /^(http:\/\/)?(\[[0-9a-f:.]+\]|[^\s/:?#@\\[\]%*]+)(?::(\d{1,5}))?$/i;

function parse(value: string): Allowed {
  if (value === '*') return { host: '*', port: undefined, schemes: ['https:'] };
  const [, scheme, written = '', port] = authority.exec(value) ?? [];
  const url = URL.parse(`http://${written}:${port ?? 80}`);
  if (url === null) throw new Error(`--allow-endpoint "${value}" is none of HOST[:PORT], http://HOST[:PORT] and *`);
  const { host } = parts(url);
  return {
    host,
    port: port && String(Number(port)),
    schemes: scheme ? ['http:'] : isLoopback(host) ? ['https:', 'http:'] : ['https:'],
  };
}

const originPattern = /^https?:\/\/(?:\[[0-9a-f:.]+\]|[^\s/:?#@\\[\]%]+)(?::\d{1,5})?\/?$/i;

function origin(text: string): URL | undefined {
  return (originPattern.test(text) && URL.parse(text)) || undefined;
}

function parts(url: URL): { host: string; port: string } {
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || (url.protocol === 'https:' ? '443' : '80') };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (isIPv6(host) ? host === '::1' : isIP(host) === 4 && host.startsWith('127.'));
}
