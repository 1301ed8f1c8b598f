import { type NhnSimulator, startNhnSimulator } from './providers/nhn/simulator.ts';
import type { ServeOptions } from './providers/simulator.ts';
import { type NaverSimulator, startNaverSimulator } from './providers/naver/simulator.ts';
import { type ScpSimulator, startScpSimulator } from './providers/scp/simulator.ts';

/** Nobody's credentials: the simulated clouds know only these. By cloud, as the keys of their Secrets. */
export const credentials = {
  nhn: {
    appKey: 'sandbox-appkey-0001',
    accessKeyId: 'sandbox-access-key-id',
    secretAccessKey: 'sandbox-secret-access-key',
  },
  scp: { accessKey: 'SANDBOXSCPACCESSKEY', secretKey: 'sandbox-scp-secret-key' },
  naver: { accessKey: 'SANDBOXNAVERACCESSKEY', secretKey: 'sandbox-naver-secret-key' },
} as const;

/** All three clouds, simulated. */
export interface Clouds extends AsyncDisposable {
  nhn: NhnSimulator;
  scp: ScpSimulator;
  naver: NaverSimulator;
}

/** @param serve where each of them listens; by default on loopback, at a free port */
export async function startClouds(
  serve: Partial<Record<keyof typeof credentials, ServeOptions>> = {},
): Promise<Clouds> {
  const [nhn, scp, naver] = await Promise.all([
    startNhnSimulator({ ...credentials.nhn, ...serve.nhn }),
    startScpSimulator({ ...credentials.scp, ...serve.scp }),
    startNaverSimulator({ ...credentials.naver, ...serve.naver }),
  ]);
  const all = [nhn, scp, naver];
  return {
    nhn,
    scp,
    naver,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((cloud) => cloud[Symbol.asyncDispose]()));
    },
  };
}
