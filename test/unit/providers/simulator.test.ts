import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { expect, test } from 'vitest';
import { Allowance } from '../../../sandbox/providers/allowance.ts';
import { canaries, simulator } from './support.ts';

const base = `/certmanager/v1.1/appkeys/${canaries.appKey}/certificates`;
const credentials = {
  'x-tc-authentication-id': canaries.accessKeyId,
  'x-tc-authentication-secret': canaries.secretAccessKey,
};

interface List {
  totalCount: number;
  totalPage: number;
  data: { certificateName: string; fileCreationDate: string }[];
}

type Asked = { method?: string; headers?: Record<string, string | string[]> };

async function ask(
  url: string,
  path: string,
  { method = 'GET', headers = credentials }: Asked = {},
): Promise<{ status: number; text: string }> {
  const sent = request(new URL(url), { path, method, headers }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, text: (await response.toArray()).join('') };
}

async function list(url: string, query: string): Promise<List> {
  return (JSON.parse((await ask(url, base + query)).text) as { body: List }).body;
}

test.each<[string, string, number, Asked?]>([
  ['another route', '/certmanager/v1.0/appkeys/x/certificates', 404],
  ['a route that goes on', `${base}/name/files/`, 404],
  ['a name that is not encoded', `${base}/a|b/files`, 400],
  ['a name with a space as +', `${base}/a+b/files`, 400],
  ['a name in lower-case hex', `${base}/%ec%9d%b8/files`, 400],
  ['a name that is not UTF-8', `${base}/%FF/files`, 400],
  ['a download with a query', `${base}/name/files?x=1`, 400],
  ['an unknown parameter', `${base}?size=10`, 400],
  ['a parameter twice', `${base}?pageNum=1&pageNum=2`, 400],
  ['page 0', `${base}?pageNum=0`, 400],
  ['a page size that is no number', `${base}?pageSize=all`, 400],
  ['another value of all', `${base}?all=yes`, 400],
  ['another status', `${base}?status=VALID`, 400],
  ['POST', base, 405, { method: 'POST' }],
  ['a body', base, 400, { headers: { ...credentials, 'content-length': '0' } }],
  ['another host', base, 400, { headers: { ...credentials, host: 'localhost' } }],
  ['no credentials', base, 401, { headers: {} }],
  [
    'credentials twice',
    base,
    401,
    { headers: { ...credentials, 'x-tc-authentication-id': [canaries.accessKeyId, canaries.accessKeyId] } },
  ],
  ['a wrong secret', base, 401, { headers: { ...credentials, 'x-tc-authentication-secret': 'x' } }],
  ['a wrong appkey', base.replace(canaries.appKey, 'x'), 401],
])('the simulator refuses %s', async (_, path, status, o) => {
  const provider = await simulator();
  expect((await ask(provider.url, path, o)).status).toBe(status);
  expect(provider.counters).toMatchObject({ refused: 1, lists: 0, downloads: 0 });
});

test('the simulator lists as documented: pages of ten, without what has expired', async () => {
  const provider = await simulator();
  for (let i = 0; i < 25; i++) provider.upload(`c${i}`, '');
  provider.upload('expired', '', { expires: '2020-01-01' });
  const page = async (query: string): Promise<[number, number, string[]]> => {
    const { totalCount, totalPage, data } = await list(provider.url, query);
    return [totalCount, totalPage, data.map(({ certificateName }) => certificateName)];
  };
  expect(await page('')).toEqual([25, 3, Array.from({ length: 10 }, (_, i) => `c${i}`)]);
  expect(await page('?pageNum=3')).toEqual([25, 3, ['c20', 'c21', 'c22', 'c23', 'c24']]);
  expect(await page('?pageNum=4')).toEqual([25, 3, []]);
  expect(await page('?pageSize=20&pageNum=2&status=all')).toEqual([
    26,
    2,
    ['c20', 'c21', 'c22', 'c23', 'c24', 'expired'],
  ]);
  expect(await page('?all=TRUE&status=Expired')).toEqual([1, 1, ['expired']]);
});

test('a later file has a later day, never one to come', async () => {
  const provider = await simulator();
  const days = new Set<string>();
  for (let i = 0; i < 40; i++) {
    provider.upload('name', '');
    const { data } = await list(provider.url, '');
    for (const { fileCreationDate } of data) days.add(fileCreationDate);
  }
  const today = new Date().toISOString().slice(0, 10);
  expect(days.size).toBe(31);
  expect([...days].every((day) => day <= today)).toBe(true);
});

test('an allowance lets a second of requests pass at once, and then as many as time brings', () => {
  const allowance = new Allowance(10, 5_000);
  const admitted = (now: number): number =>
    Array.from({ length: 20 }, () => allowance.admits(now)).filter(Boolean).length;
  expect([5_000, 5_000, 5_100, 5_350, 60_000].map(admitted)).toEqual([10, 0, 1, 2, 10]);
});

test('the simulator answers requests above its limit with 429, and does not count them as anything else', async () => {
  const provider = await simulator();
  provider.limit(1e-9);
  const { status, text } = await ask(provider.url, base);
  expect([status, JSON.parse(text)]).toEqual([
    429,
    expect.objectContaining({ header: expect.objectContaining({ resultCode: 4291000 }) }),
  ]);
  expect(provider.counters).toMatchObject({ requests: 1, limited: 1, lists: 0, refused: 0 });
  provider.limit(undefined);
  expect((await ask(provider.url, base)).status).toBe(200);
});
