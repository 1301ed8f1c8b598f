import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { Failure } from './failure.ts';

export interface Endpoint {
  host: string;
  port: number;
}

/** Reads `HOST[:PORT]`; IPv6 addresses in brackets. Throws Failure. */
export function readEndpoint(text: string): Endpoint {
  const {
    name,
    ipv6,
    port = '443',
  } = /^(?:(?<name>[^\s:/?#@[\]]+)|\[(?<ipv6>[0-9a-fA-F:.]+)\])(?::(?<port>\d{1,5}))?$/.exec(text)?.groups ?? {};
  const host = name ?? ipv6;
  if (host === undefined || Number(port) > 65_535 || Number(port) === 0)
    throw new Failure(`--endpoint must be HOST:PORT such as www.example.com:443, not ${JSON.stringify(text)}`);
  return { host, port: Number(port) };
}

const timeoutMs = 10_000;

/**
 * The certificate that a TLS server sends. Whether it is to be trusted is not asked: that it is not may be the reason for
 * looking.
 * @param serverName which of its certificates is wanted, where it has several
 * @throws Failure
 */
export async function servedBy({ host, port }: Endpoint, serverName: string | undefined): Promise<X509Certificate> {
  const x509 = await new Promise<X509Certificate | undefined>((resolve, reject) => {
    const name = serverName !== undefined && isIP(serverName) === 0 ? { servername: serverName } : {};
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: timeoutMs, ...name });
    const fail = (why: string): void => {
      socket.destroy();
      reject(new Failure(`${host}:${port} gave no certificate: ${why}.`));
    };
    socket.once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate());
      socket.destroy();
    });
    socket.once('timeout', () => fail(`nothing came within ${timeoutMs / 1_000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.name));
    socket.once('close', () => fail('the connection broke off'));
  });
  if (x509 === undefined) throw new Failure(`${host}:${port} gave no certificate.`);
  return x509;
}
