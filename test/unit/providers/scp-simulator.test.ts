import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, type Issued } from '../../../sandbox/pki/index.ts';
import { forms } from '../../../sandbox/providers/scp/forms.ts';
import type { ScpSimulator } from '../../../sandbox/providers/scp/simulator.ts';
import { signed } from '../../../src/providers/scp/sign.ts';
import { canaries, scpSimulator } from './support.ts';

const base = '/v1/certificatemanager';
const files = { body: 'B', chain: 'C', key: 'K' };
const { accessKey, secretKey } = canaries;

interface Asked {
  method?: string;
  /** Over those that let the request in; undefined takes one away. */
  headers?: Record<string, string | undefined>;
  /** What is signed instead of what is sent. */
  signs?: { method?: string; url?: string; path?: string; now?: number };
  credentials?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

interface Answer {
  status: number;
  json: Record<string, unknown> & {
    certificates: Record<string, unknown>[];
    certificate: Record<string, unknown>;
    errors?: Record<string, unknown>[];
  };
}

async function ask(url: string, path: string, o: Asked = {}): Promise<Answer> {
  const { method = 'GET', signs, credentials = { accessKey, secretKey } } = o;
  const headers = {
    ...signed(credentials, { method, url: url + (signs?.path ?? path), now: Date.now(), ...signs }),
    'scp-api-version': 'certificatemanager 1.2',
    ...('body' in o && { 'content-type': 'application/json' }),
    ...o.headers,
  };
  const sent = request(new URL(url), {
    path,
    method,
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
  }).end('body' in o ? JSON.stringify(o.body) : undefined);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const text = (await response.toArray()).join('');
  return { status: response.statusCode ?? 0, json: JSON.parse(text || '{}') as Answer['json'] };
}

describe('the simulator of SCP', () => {
  test.each<[string, string, number, Asked?]>([
    [
      'no credentials at all',
      base,
      404,
      { headers: Object.fromEntries(Object.keys(sample()).map((h) => [h, undefined])) },
    ],
    ...Object.keys(sample()).map((header): [string, string, number, Asked] => [
      `no ${header}`,
      base,
      404,
      { headers: { [header]: undefined } },
    ]),
    ['another route', '/v2/certificatemanager', 404],
    ['a route that goes on', `${base}/0fdd87aab8cb46f59b7c1f81ed03fb3e/x`, 404],
    ['a slash at the end', `${base}/`, 404],
    ['PUT', base, 405, { method: 'PUT' }],
    ['DELETE of all', base, 405, { method: 'DELETE' }],
    ['POST to a certificate', `${base}/x`, 405, { method: 'POST' }],
    ['DELETE of a check', `${base}/check-duplication`, 405, { method: 'DELETE' }],
  ])('refuses %s as its gateway does', async (_, path, status, o) => {
    const provider = await scpSimulator();
    const answer = await ask(provider.url, path, o);
    expect(answer).toEqual({
      status,
      json: {
        timestamp: expect.any(String),
        path,
        status,
        error: expect.any(String),
        requestId: expect.any(String),
      },
    });
    expect(provider.counters).toMatchObject({ refused: 1, lists: 0, downloads: 0 });
  });

  const elsewhere = 'http://elsewhere.example';
  test.each<[string, number, string, string, Asked?]>([
    ['an unknown access key', 401, 'Unauthorized', base, { credentials: { accessKey: 'x', secretKey } }],
    ['a wrong secret key', 401, 'HmacValidFail', base, { credentials: { accessKey, secretKey: 'x' } }],
    [
      'a signature of a query encoded once more',
      401,
      'HmacValidFail',
      `${base}?cn=%2A`,
      { signs: { path: `${base}?cn=%252A` } },
    ],
    ['a signature of the path', 401, 'HmacValidFail', base, { signs: { url: base } }],
    ['a signature of another host', 401, 'HmacValidFail', base, { signs: { url: elsewhere + base } }],
    ['a signature for another host', 401, 'HmacValidFail', base, { headers: { host: 'elsewhere.example' } }],
    ['a signature without the query', 401, 'HmacValidFail', `${base}?size=2`, { signs: { path: base } }],
    ['a signature of another method', 401, 'HmacValidFail', base, { signs: { method: 'POST' } }],
    ['a signature in hex', 401, 'HmacValidFail', base, { headers: { 'scp-signature': 'ab'.repeat(32) } }],
    [
      'a time that was not signed',
      401,
      'HmacValidFail',
      base,
      { headers: { 'scp-timestamp': String(Date.now() + 9) } },
    ],
    ['a time in seconds', 401, 'HmacValidFail', base, { signs: { now: Math.floor(Date.now() / 1_000) } }],
    ['a time that is long ago', 401, 'HmacValidFail', base, { signs: { now: Date.now() - 310_000 } }],
    ['a time that is to come', 401, 'HmacValidFail', base, { signs: { now: Date.now() + 310_000 } }],
    ['another client type', 401, 'HmacValidFail', base, { headers: { 'scp-clienttype': 'openapi' } }],
    ['an unknown version', 400, 'ValidationError', base, { headers: { 'scp-api-version': 'certificatemanager 1.3' } }],
    ['the version of another service', 400, 'ValidationError', base, { headers: { 'scp-api-version': 'iam 1.2' } }],
    ['a version alone', 400, 'ValidationError', base, { headers: { 'scp-api-version': '1.2' } }],
    ['a body', 400, 'ValidationError', base, { headers: { 'content-length': '0' } }],
    ['an unknown parameter', 400, 'ValidationError', `${base}?pageSize=10`],
    ['a parameter that objects have', 400, 'ValidationError', `${base}?constructor=1`],
    ['a parameter twice', 400, 'ValidationError', `${base}?page=0&page=1`],
    ['a page before the first', 400, 'ValidationError', `${base}?page=-1`],
    ['a page that is no number', 400, 'ValidationError', `${base}?page=one`],
    ['a size of nothing', 400, 'ValidationError', `${base}?size=0`],
    ['a size that is too large', 400, 'ValidationError', `${base}?size=10001`],
    ['a size that is no number', 400, 'ValidationError', `${base}?size=all`],
    ['another order', 400, 'ValidationError', `${base}?sort=created_at`],
    ['a flag that is none', 400, 'ValidationError', `${base}?isMine=me`],
    ['an empty name', 400, 'ValidationError', `${base}?name=`],
    ['a detail with a parameter', 400, 'ValidationError', `${base}/0fdd87aab8cb46f59b7c1f81ed03fb3e?size=1`],
    ['a deletion with a parameter', 400, 'ValidationError', `${base}/x?name=x`, { method: 'DELETE' }],
    [
      'a deletion with a body',
      400,
      'ValidationError',
      `${base}/x`,
      { method: 'DELETE', headers: { 'content-length': '0' } },
    ],
    ['a check with a parameter', 400, 'ValidationError', `${base}/check-duplication?name=x`, { method: 'POST' }],
  ])('refuses %s with %i %s', async (_, status, code, path, o) => {
    const provider = await scpSimulator();
    const answer = await ask(provider.url, path, o);
    expect(answer.status).toBe(status);
    expect(answer.json.errors).toEqual([
      expect.objectContaining({ code, status, detail: expect.any(String), request_id: expect.any(String) }),
    ]);
    expect(provider.counters).toMatchObject({ refused: 1, lists: 0, downloads: 0 });
  });

  test('goes by its own clock, and lets it be off by less than five minutes', async () => {
    const provider = await scpSimulator();
    for (const offset of [290_000, -290_000, 3_600_000]) {
      provider.clockOffsetMs = offset;
      const status = Math.abs(offset) > 300_000 ? 401 : 200;
      expect((await ask(provider.url, base)).status).toBe(status);
      expect((await ask(provider.url, base, { signs: { now: Date.now() + offset } })).status).toBe(200);
    }
  });

  test('takes the current version when none is asked for', async () => {
    const provider = await scpSimulator();
    const id = provider.upload('name', files);
    const detail = async (version: string | undefined): Promise<unknown> =>
      (await ask(provider.url, `${base}/${id}`, { headers: { 'scp-api-version': version } })).json;
    expect(await detail(undefined)).toEqual(await detail('certificatemanager 1.2'));
  });

  test.each(['0fdd87aab8cb46f59b7c1f81ed03fb3e', 'x', '%2e', '%FF'])('has no certificate %s', async (id) => {
    const provider = await scpSimulator();
    const { status, json } = await ask(provider.url, `${base}/${id}`);
    expect([status, json.errors]).toEqual([404, [expect.objectContaining({ status: 404 })]]);
    expect(provider.counters).toMatchObject({ refused: 0, downloads: 1, downloadsOf: { [id]: 1 } });
  });

  test('tells the detail of an error as a list of texts when it is told to', async () => {
    const provider = await scpSimulator();
    provider.listsDetails = true;
    const { json } = await ask(provider.url, `${base}/x`);
    expect(json.errors).toEqual([expect.objectContaining({ detail: [expect.any(String)] })]);
  });

  test('lists as documented: pages of twenty from 0, the oldest first unless told otherwise', async () => {
    const provider = await scpSimulator();
    for (let i = 0; i < 25; i++) provider.upload(`name-${i}`, files);
    const newest = provider.upload('newest', files, { cn: 'a.example', createdAt: new Date(Date.now() + 1_000) });
    const page = async (query: string): Promise<unknown[]> => {
      const { certificates, count, page, size, sort } = (await ask(provider.url, base + query)).json;
      return [certificates.length, certificates[0]?.['name'], count, page, size, sort];
    };
    expect(await page('')).toEqual([20, 'name-0', 26, 0, 20, null]);
    expect(await page('?page=1')).toEqual([6, 'name-20', 26, 1, 20, null]);
    expect(await page('?page=2')).toEqual([0, undefined, 26, 2, 20, null]);
    expect(await page('?size=7&page=3')).toEqual([5, 'name-21', 26, 3, 7, null]);
    expect(await page('?sort=created_at%3Adesc')).toEqual([20, 'newest', 26, 0, 20, ['created_at:desc']]);
    expect(await page('?sort=created_at:desc&size=2&page=1')).toEqual([2, 'name-23', 26, 1, 2, ['created_at:desc']]);
    const { certificates } = (await ask(provider.url, `${base}?cn=a.ex`)).json;
    expect(certificates).toEqual([
      {
        cert_kind: 'PRD',
        cn: 'a.example',
        id: newest,
        name: 'newest',
        not_after_dt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
        not_before_dt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
        state: 'VALID',
      },
    ]);
  });

  test('filters by parts of names and by states', async () => {
    const provider = await scpSimulator();
    provider.upload('one-ended', files, { notAfter: new Date(0) });
    provider.upload('one-more', files, { state: 'ERROR' });
    provider.upload('two', files);
    const names = async (query: string): Promise<unknown[]> =>
      (await ask(provider.url, base + query)).json.certificates.map(({ name }) => name);
    expect(await names('?name=one')).toEqual(['one-ended', 'one-more']);
    expect(await names('?state=EXPIRED&state=VALID')).toEqual(['one-ended', 'two']);
    expect(await names('?isMine=True&name=two&state=ERROR')).toEqual([]);
  });

  test.each<[string, object, [number, number, unknown][]]>([
    [
      'as it should be',
      {},
      [
        [30, 45, 'name-0'],
        [15, 45, 'name-30'],
        [0, 45, undefined],
      ],
    ],
    [
      'counting what is on the page',
      { counts: 'page' },
      [
        [30, 30, 'name-0'],
        [15, 15, 'name-30'],
        [0, 0, undefined],
      ],
    ],
    [
      'deaf to pages',
      { ignoresPage: true },
      [
        [30, 45, 'name-0'],
        [30, 45, 'name-0'],
        [30, 45, 'name-0'],
      ],
    ],
    [
      'deaf to sizes',
      { ignoresSize: true },
      [
        [20, 45, 'name-0'],
        [20, 45, 'name-20'],
        [5, 45, 'name-40'],
      ],
    ],
  ])('pages %s', async (_, knobs, expected) => {
    const provider = Object.assign(await scpSimulator(), knobs);
    for (let i = 0; i < 45; i++) provider.upload(`name-${i}`, files);
    for (const [page, [length, count, first]] of expected.entries()) {
      const { json } = await ask(provider.url, `${base}?size=30&page=${page}`);
      expect([json.certificates.length, json['count'], json.certificates[0]?.['name']]).toEqual([length, count, first]);
      expect(json).toMatchObject({ page, size: 30 });
    }
  });

  const common = [
    'account_id,cert_body,cert_chain,cert_kind,cert_type,cert_version,cn,created_at,created_by,id,key_bit_size',
    'modified_at,modified_by,name,not_after_dt,not_before_dt,organization,private_key,state,user_name',
  ];
  const added = [
    'days_until_expiration,is_in_use,issuer,public_key_bit_size,public_key_type,signature_algorithm,sub_domain',
  ];
  test.each([
    ['1.0', common],
    ['1.1', common],
    ['1.2', [...common, ...added]],
  ])('has the fields of a detail that v%s has', async (version, fields) => {
    const provider = await scpSimulator();
    const id = provider.upload('name', files);
    const headers = { 'scp-api-version': `certificatemanager ${version}` };
    const { certificate } = (await ask(provider.url, `${base}/${id}`, { headers })).json;
    expect(Object.keys(certificate).sort()).toEqual(fields.flatMap((names) => names.split(',')).sort());
    expect(provider.counters.downloadsOf).toEqual({ name: 1 });
  });

  test('tells of a certificate what is in it', async () => {
    const provider = await scpSimulator();
    const authority = await createAuthority({ name: 'Root' });
    const notBefore = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 86_400_000);
    const issued = await authority.issue({ dnsNames: ['a.example', 'b.example'], notBefore });
    const id = provider.upload('name', issued);
    expect((await ask(provider.url, `${base}/${id}`)).json.certificate).toMatchObject({
      id,
      name: 'name',
      cn: 'a.example',
      not_before_dt: notBefore.toISOString().slice(0, 19),
      cert_body: Buffer.from(issued.certificate).toString('base64'),
      cert_chain: null,
      private_key: Buffer.from(issued.privateKey).toString('base64'),
      issuer: 'Root',
      key_bit_size: '256',
      public_key_type: 'EC',
      sub_domain: 'b.example',
      days_until_expiration: expect.stringMatching(/^8[89]$/),
    });
  });

  test('gives each field in the form that it is told to', async () => {
    const provider = await scpSimulator();
    const detail = async (id: string): Promise<unknown[]> => {
      const { cert_body, cert_chain, private_key } = (await ask(provider.url, `${base}/${id}`)).json.certificate;
      return [cert_body, cert_chain, private_key];
    };
    expect(await detail(provider.upload('all', files, { form: forms.raw }))).toEqual(['B', 'C', 'K']);
    const each = { body: forms.raw, chain: forms.blank, key: forms.none };
    expect(await detail(provider.upload('each', files, { form: each }))).toEqual(['B', '', null]);
    expect(await detail(provider.upload('usual', { body: 'B', key: 'K' }))).toEqual(['Qg==', null, 'Sw==']);
    const text = 'a\n'.repeat(50);
    expect([forms.unpadded(text), forms.literal('a\nb')]).toEqual([forms.base64(text).replace(/=+$/, ''), 'a\\nb']);
    expect(forms.unpadded(text)).not.toBe(forms.base64(text));
    expect(forms.wrapped(text).split('\r\n')).toHaveLength(2);
    expect(forms.urlSafe('>>>???')).toBe('Pj4-Pz8_');
  });

  test('knows each name once; a renewal has another id', async () => {
    const provider = await scpSimulator();
    const id = provider.upload('name', files);
    expect(() => provider.upload('name', files)).toThrow('there is a certificate of the name "name"');
    for (const name of ['ab', 'x'.repeat(31), 'a.b', 'ä-b']) expect(() => provider.upload(name, files)).toThrow(name);
    provider.remove(id);
    expect(provider.upload('name', files)).not.toBe(id);
    expect((await ask(provider.url, `${base}/${id}`)).status).toBe(404);
  });
});

describe('what changes something', () => {
  const encoded = (pem: string): string => Buffer.from(pem).toString('base64');
  let issued: Issued;
  let other: Issued;
  beforeAll(async () => {
    const authority = await (await createAuthority()).intermediate();
    [issued, other] = [await authority.issue(), await authority.issue()];
  });

  /** A body that is right, and what is changed in it; undefined takes a field away. */
  const creation = (change: object = {}): object => ({
    cert_body: encoded(issued.certificate),
    cert_chain: encoded(issued.chain),
    private_key: encoded(issued.privateKey),
    name: 'www',
    recipients: [],
    region: 'kr-west1',
    tags: [],
    timezone: 'Asia/Seoul',
    ...change,
  });
  const signing = (change: object = {}): object => ({
    cn: 'www.example.com',
    name: 'www',
    not_after_dt: '20361231',
    not_before_dt: '20260101',
    organization: 'Sandbox',
    recipients: [],
    region: 'kr-west1',
    tags: [],
    timezone: 'Asia/Seoul',
    ...change,
  });
  const validation = (change: object = {}): object => ({
    cert_body: encoded(issued.certificate),
    cert_chain: encoded(issued.chain),
    private_key: encoded(issued.privateKey),
    ...change,
  });

  const post = (provider: ScpSimulator, path: string, body: unknown, version = '1.2'): Promise<Answer> =>
    ask(provider.url, base + path, {
      method: 'POST',
      body,
      headers: { 'scp-api-version': `certificatemanager ${version}` },
    });

  const codeOf = ({ json }: Answer): unknown => json.errors?.[0]?.['code'];

  test.each<[string, object]>([
    ['no body', { cert_body: undefined }],
    ['no key', { private_key: undefined }],
    ['no name', { name: undefined }],
    ['no time zone', { timezone: undefined }],
    ['an empty time zone', { timezone: '' }],
    ['no region', { region: undefined }],
    ['a name that is too short', { name: 'ab' }],
    ['a name that is too long', { name: 'a'.repeat(31) }],
    ['a name with a dot', { name: 'a.b' }],
    ['recipients that are none', { recipients: [null] }],
    ['a recipient without a name', { recipients: [{ region: '', user_id: 'x' }] }],
    ['tags as a map', { tags: { team: 'web' } }],
    ['a field of another request', { is_need_cert_chain: true }],
  ])('refuses to make a certificate with %s', async (_, change) => {
    const provider = await scpSimulator();
    const answer = await post(provider, '', creation(change));
    expect([answer.status, codeOf(answer)]).toEqual([400, 'ValidationError']);
    expect((await ask(provider.url, base)).json.certificates).toEqual([]);
    expect(provider.counters).toMatchObject({ creates: 1, refused: 0 });
  });

  test.each<[string, object]>([
    ['no organization', { organization: undefined }],
    ['no common name', { cn: '' }],
    ['no time zone', { timezone: undefined }],
    ['days with hyphens', { not_before_dt: '2026-01-01' }],
    ['a day that is none', { not_before_dt: '20261301' }],
    ['an end before the beginning', { not_after_dt: '20251231' }],
    ['a body', { cert_body: 'x' }],
  ])('refuses to sign a certificate with %s', async (_, change) => {
    const provider = await scpSimulator();
    const answer = await post(provider, '/self-sign', signing(change));
    expect([answer.status, codeOf(answer)]).toEqual([400, 'ValidationError']);
  });

  const wrongForms: [string, (pem: string) => string][] = [
    ['raw PEM', (pem) => pem],
    ['Base64 in lines', (pem) => encoded(pem).replaceAll(/.{76}/g, '$&\n')],
    ['Base64 for URLs', (pem) => Buffer.from(`>>>???${pem}`).toString('base64url')],
    ['DER', (pem) => pem.replaceAll(/-----.*-----|\n/g, '')],
    ['nothing that is PEM', () => encoded('hello')],
  ];
  test.each(wrongForms)('takes %s for no PEM, in a way of its own for each request', async (_, form) => {
    const provider = await scpSimulator();
    for (const [field, pem, code] of [
      ['cert_body', issued.certificate, 'pem-format-cert-body-error'],
      ['cert_chain', issued.chain, 'pem-format-cert-chain-error'],
      ['private_key', issued.privateKey, 'pem-format-private-key-error'],
    ] as const) {
      const created = await post(provider, '', creation({ [field]: form(pem) }));
      expect([created.status, codeOf(created)]).toEqual([500, 'scp-security.certificate.create-failed']);
      const checked = await post(provider, '/check-validation', validation({ [field]: form(pem) }));
      expect([checked.status, codeOf(checked)]).toEqual([400, `scp-security.certificate.${code}`]);
    }
    expect((await ask(provider.url, base)).json.certificates).toEqual([]);
  });

  test('makes a certificate once', async () => {
    const provider = await scpSimulator();
    const answer = await post(provider, '', creation({ tags: [{ key: 'team', value: 'web' }] }));
    expect(answer).toMatchObject({
      status: 201,
      json: {
        certificate: { name: 'www', cn: 'www.example.com', cert_kind: 'PRD', tags: [{ key: 'team' }], recipients: [] },
      },
    });
    const { json } = await ask(provider.url, `${base}/${String(answer.json.certificate['id'])}`);
    expect(json.certificate).toMatchObject({ private_key: encoded(issued.privateKey), is_in_use: false });
    const again = await post(provider, '', creation());
    expect([again.status, codeOf(again)]).toEqual([400, 'scp-security.certificate.duplicate-name']);
    const signed = await post(provider, '/self-sign', signing());
    expect([signed.status, codeOf(signed)]).toEqual([400, 'scp-security.certificate.duplicate-name']);
  });

  test('refuses a key that does not fit', async () => {
    const provider = await scpSimulator();
    const answer = await post(provider, '', creation({ private_key: encoded(other.privateKey) }));
    expect([answer.status, codeOf(answer)]).toEqual([400, 'scp-security.certificate.key-mismatch']);
  });

  test('checks a name, and a pair in the way of each version', async () => {
    const provider = await scpSimulator();
    provider.upload('name', files);
    const wrong = validation({ private_key: encoded(other.privateKey) });
    for (const version of ['1.2', '1.1', '1.0']) {
      expect((await post(provider, '/check-duplication', { name: 'name' }, version)).json).toEqual({ result: true });
      expect((await post(provider, '/check-duplication', { name: 'other' }, version)).json).toEqual({ result: false });
      const wish = version === '1.0' ? { is_need_cert_chain: true } : {};
      const said = version === '1.0' ? 'result' : 'validate_check';
      const check = async (body: object): Promise<unknown> =>
        (await post(provider, '/check-validation', { ...body, ...wish }, version)).json;
      expect(await check(validation())).toEqual({ [said]: true });
      expect(await check(wrong)).toEqual({ [said]: false });
      const bare = await post(provider, '/check-validation', validation({ cert_chain: null, ...wish }), version);
      expect(bare.status).toBe(version === '1.0' ? 400 : 200);
      const odd = version === '1.0' ? validation() : validation({ is_need_cert_chain: true });
      expect((await post(provider, '/check-validation', odd, version)).status).toBe(400);
    }
  });

  test('takes a body for JSON only when it is said to be', async () => {
    const provider = await scpSimulator();
    const o = { method: 'POST', body: { name: 'x-y' }, headers: { 'content-type': 'text/plain' } };
    expect((await ask(provider.url, `${base}/check-duplication`, o)).status).toBe(400);
  });

  test('deletes what is not in use, and lets a key that may only read change nothing', async () => {
    const provider = await scpSimulator();
    const id = provider.upload('name', files);
    const deletion = (): Promise<Answer> => ask(provider.url, `${base}/${id}`, { method: 'DELETE' });
    provider.inUse.add(id);
    expect(codeOf(await deletion())).toBe('scp-security.certificate.in-use');
    expect((await ask(provider.url, `${base}/${id}`)).json.certificate['is_in_use']).toBe(true);
    provider.inUse.delete(id);
    provider.readOnly = true;
    for (const answer of [
      await deletion(),
      await post(provider, '', creation()),
      await post(provider, '/self-sign', signing()),
    ])
      expect([answer.status, codeOf(answer)]).toEqual([403, 'Forbidden']);
    expect((await post(provider, '/check-duplication', { name: 'www' })).status).toBe(200);
    provider.readOnly = false;
    expect((await deletion()).status).toBe(204);
    expect((await deletion()).status).toBe(404);
  });

  test('does nothing when a fault says the status, and all of it when only the answer is lost', async () => {
    const provider = await scpSimulator();
    const names = async (): Promise<unknown[]> =>
      (await ask(provider.url, base)).json.certificates.map(({ name }) => name);
    provider.fault({ match: 'create', status: 503, body: '{}', times: 1 });
    await post(provider, '', creation());
    expect(await names()).toEqual([]);
    provider.fault({ match: 'create', reset: true, times: 1 });
    await post(provider, '', creation()).catch(() => {});
    expect(await names()).toEqual(['www']);
  });
});

function sample(): Record<string, string> {
  return signed({ accessKey, secretKey }, { method: 'GET', url: '', now: 0 });
}
