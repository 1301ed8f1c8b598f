import { expect, onTestFinished, test } from 'vitest';
import { Account } from '../../../src/providers/account.ts';
import type { ProviderSpec } from '../../../src/providers/provider.ts';
import { Throttle } from '../../../src/providers/throttle.ts';
import { sleep } from '../../../src/clock.ts';
import { ManualClock } from '../../support/clock.ts';
import { sendJson, startServer } from '../kube/support.ts';
import { call, connectTo, quiet, refusal } from './support.ts';

/** A page as each cloud words it; there is always more. */
const clouds: Record<
  string,
  { spec: (endpoint: string) => ProviderSpec; page: (ids: number[], rest: object) => object }
> = {
  NHN: {
    spec: (endpoint) => ({ nhn: { endpoint } }),
    page: (ids, rest) => ({
      header: { isSuccessful: true, resultCode: 0 },
      body: { totalCount: 10_000_000, data: ids.map((id) => ({ certificateName: `${id}`, ...rest })) },
    }),
  },
  SCP: {
    spec: (endpoint) => ({ scp: { endpoint } }),
    page: (ids, rest) => ({ count: 10_000_000, certificates: ids.map((id) => ({ id: `${id}`, name: 'a', ...rest })) }),
  },
  NAVER: {
    spec: (endpoint) => ({ naver: { endpoint, apiVersion: 'v2' } }),
    page: (ids, rest) => ({
      returnCode: '0',
      totalCount: 10_000_000,
      sslCertificateList: ids.map((id) => ({ certificateNo: id, certificateName: 'a', ...rest })),
    }),
  },
};

test.each(
  Object.entries(clouds).flatMap(([name, cloud]) => [
    { name, cloud, what: 'certificates', perPage: 4_500, rest: {}, pages: 7 },
    { name, cloud, what: 'bytes', perPage: 1, rest: { padding: 'x'.repeat(5 * 1024 * 1024) }, pages: 7 },
  ]),
)('$name: a list of ever more $what is given up', async ({ cloud, perPage, rest, pages }) => {
  let next = 0;
  await using server = await startServer((_, response) => {
    const ids = Array.from({ length: perPage }, () => next++);
    sendJson(response, 200, cloud.page(ids, rest));
  });
  const error = await refusal(connectTo(cloud.spec(server.url)).list(call()), 'InvalidResponse');
  expect(error.message).toMatch(/larger than/);
  expect(server.requests).toHaveLength(pages);
});

test('a list whose pages take ever longer is given up, whereas its turns may be waited for', async () => {
  const clock = new ManualClock();
  const throttle = new Throttle(clock, { inFlight: 64, requestsPerMinute: 1 });
  const list = { pages: 30, pageMs: 1_000 };
  const account = new Account({
    clock,
    random: () => 0,
    logger: quiet,
    client: {
      async list({ another, signal }) {
        for (let page = 1; page < list.pages; page++) {
          await sleep(clock, list.pageMs, signal);
          await another();
        }
        return [];
      },
      download: async () => [],
    },
    throttle,
    selectors: ['name'],
    pollIntervalMs: 300_000,
  });
  onTestFinished(() => account.close());
  await clock.advance(40 * 60_000);
  expect(account.fault).toBeUndefined();
  expect(account.inventory).toBeDefined();
  list.pageMs = 50_000;
  await clock.advance(40 * 60_000);
  expect(account.fault?.error).toMatchObject({
    reason: 'ProviderUnavailable',
    message: expect.stringMatching(/10 minutes/),
  });
});
