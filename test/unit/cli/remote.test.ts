import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { pcert } from '../../support/pcert.ts';
import { canaries, naverSimulator, scpSimulator, simulator } from '../providers/support.ts';
import { authority, config, folder, written } from './world.ts';

const scpSpec = { region: 'kr-west1' };

describe('list and show', () => {
  test('what an account holds, the one that ends first above', async () => {
    const cloud = await scpSimulator();
    const issuer = await authority();
    const at = (day: number): Date => new Date(Date.UTC(2090, 0, day));
    const dates = (day: number): object => ({ notBefore: at(day - 90), notAfter: at(day) });
    cloud.upload('later', await issuer.issue(), dates(9));
    cloud.upload('sooner', await issuer.issue(), dates(2));
    const list = ['remote', 'list', '--config', config(folder(), 'scp', cloud, scpSpec)];
    const { code, out } = await pcert(list);
    expect(code).toBe(0);
    expect(out.replaceAll(/[0-9a-f]{32}/g, 'ID')).toMatchInlineSnapshot(`
      "NAME    ID                                COMMON NAME      STATE  ENDS                  NOTE
      sooner  ID  www.example.com  VALID  2090-01-02T00:00:00Z
      later   ID  www.example.com  VALID  2090-01-09T00:00:00Z
      "
    `);
    expect(JSON.parse((await pcert([...list, '-o', 'json', '--match', 'l*'])).out)).toMatchObject([{ name: 'later' }]);
  });

  test('one, and what the gate says of it; its key on demand only', async () => {
    const cloud = await simulator();
    const issued = await (await authority()).issue();
    cloud.upload('www', issued.bundle);
    const show = ['remote', 'show', '--config', config(folder(), 'nhn', cloud), '--name', 'www'];
    const { code, out } = await pcert(show);
    expect(code).toBe(0);
    expect(out).toMatch(/^www\n {2}id +www\n/);
    expect(out).toContain('Accepted: this is what a Secret would hold\n');
    expect(out).toContain(new X509Certificate(issued.certificate).fingerprint256);

    const { certificate, chain, root, privateKey } = issued;
    expect(await pcert([...show, '--pem'])).toEqual({ code: 0, out: certificate + chain + root, err: '' });
    expect((await pcert([...show, '--pem', '--show-key'])).out).toBe(certificate + chain + root + privateKey);
    expect(await pcert([...show, '--show-key'])).toMatchObject({ code: 2, out: '' });

    cloud.upload('www', certificate);
    const refused = await pcert(show);
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('Refused: PrivateKeyMissing\n');
    expect(refused.out).toContain('private keys  none\n');
    expect(await pcert([...show, '--pem'])).toMatchObject({ code: 1, out: '' });
  });

  test('NAVER Cloud tells which certificates an instance uses', async () => {
    const cloud = await naverSimulator();
    const issuer = await authority();
    cloud.use(cloud.upload('used', await issuer.issue()), [4711]);
    cloud.upload('other', await issuer.issue());
    const list = ['remote', 'list', '--config', config(folder(), 'naver', cloud, { apiVersion: 'v1' }), '-o', 'json'];
    expect(JSON.parse((await pcert([...list, '--instance', '4711'])).out)).toMatchObject([{ name: 'used' }]);
    expect(await pcert([...list, '--instance', 'x'])).toMatchObject({ code: 1, out: '' });
  });
});

describe('changes at Samsung Cloud Platform', () => {
  test('a certificate from its name to its end', async () => {
    const cloud = await scpSimulator();
    const issued = await (await authority()).issue();
    const directory = folder();
    const account = ['--config', config(directory, 'scp', cloud, scpSpec)];
    const bundle = written(directory, 'bundle.pem', issued.bundle);
    const remote = (...args: string[]): ReturnType<typeof pcert> => pcert(['remote', ...args, ...account]);

    expect(await remote('check-name', 'shop-2027')).toEqual({ code: 0, out: 'shop-2027 is free\n', err: '' });
    expect(await remote('validate', bundle)).toEqual({ code: 0, out: 'The provider would take it\n', err: '' });
    expect(await remote('create', 'shop-2027', bundle)).toMatchObject({
      code: 1,
      err: expect.stringContaining('needs a time zone'),
    });
    const details = ['--timezone', 'Asia/Seoul', '--recipient', 'kr-west1/u-1/Kim Min', '--tag', 'team=shop'];
    const created = await remote('create', 'shop-2027', bundle, ...details);
    expect(created).toMatchObject({ code: 0, err: '' });
    expect(created.out).toMatch(/^shop-2027\n {2}id +[0-9a-f]{32}\n {2}common name +www\.example\.com\n/);

    expect(await remote('check-name', 'shop-2027')).toEqual({ code: 1, out: 'shop-2027 is taken\n', err: '' });
    const again = await remote('create', 'shop-2027', bundle, ...details);
    expect(again).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^pcert: CertificateProvider scp: [^\n]*\n$/),
    });
    // What comes back is what went up.
    expect((await remote('show', '--name', 'shop-2027', '--pem', '--show-key')).out).toBe(
      issued.certificate + issued.chain + issued.privateKey,
    );

    const remove = ['delete', '--name', 'shop-2027'];
    expect(await remote(...remove)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--yes') });
    expect(await pcert(['remote', ...remove, ...account], { answer: '' })).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^Delete shop-2027 \(id [0-9a-f]{32}, valid until [^)]*\) of CertificateProvider scp\? \[y\/N\] pcert: Nothing was changed\.\n$/,
      ),
    });
    expect(await remote('check-name', 'shop-2027')).toMatchObject({ code: 1 });
    expect(await pcert(['remote', ...remove, ...account], { answer: 'y' })).toMatchObject({
      code: 0,
      out: 'shop-2027: deleted\n',
    });
    expect(await remote('check-name', 'shop-2027')).toMatchObject({ code: 0 });
    expect(await remote(...remove, '--yes')).toMatchObject({ code: 1, err: expect.stringContaining('no certificate') });
  });

  test('what is in use stays', async () => {
    const cloud = await scpSimulator();
    cloud.inUse.add(cloud.upload('shop', await (await authority()).issue()));
    const account = ['--config', config(folder(), 'scp', cloud, scpSpec)];
    expect(await pcert(['remote', 'delete', '--name', 'shop', '--yes', ...account])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('when something uses it'),
    });
    expect((await pcert(['remote', 'list', ...account])).out).toContain('shop');
  });

  test('it signs by itself', async () => {
    const cloud = await scpSimulator();
    const account = ['--config', config(folder(), 'scp', cloud, scpSpec)];
    const sign = [
      'remote',
      'self-sign',
      'test',
      '--common-name',
      'test.example.com',
      '--organization',
      'Example',
      '--timezone',
      'Asia/Seoul',
      ...account,
    ];
    expect(await pcert(sign)).toMatchObject({
      code: 2,
      err: expect.stringContaining("required option '--until <day>'"),
    });
    expect(await pcert([...sign, '--until', '31.12.2090'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('YYYY-MM-DD'),
    });
    expect(await pcert([...sign, '--until', '2090-12-31'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^test\n/),
    });
    expect(await pcert(['remote', 'show', '--name', 'test', ...account])).toMatchObject({ code: 0 });
  });

  test('nothing is sent that the gate refuses, and nothing is sent twice', async () => {
    const cloud = await scpSimulator();
    const issuer = await authority();
    const [one, other] = [await issuer.issue(), await issuer.issue()];
    const directory = folder();
    const account = ['--config', config(directory, 'scp', cloud, scpSpec), '--timezone', 'Asia/Seoul'];
    const mixed = written(directory, 'mixed.pem', one.certificate + other.privateKey);
    const before = structuredClone(cloud.counters);
    expect(await pcert(['remote', 'create', 'shop', mixed, ...account])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^pcert: Nothing was sent: KeyMismatch: /),
    });
    expect(cloud.counters).toEqual(before);

    const bundle = written(directory, 'bundle.pem', one.bundle);
    cloud.fault({ match: 'create', times: 1, status: 503 });
    expect(await pcert(['remote', 'create', 'shop', bundle, ...account])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/status 503.* Whether anything was changed, remote list tells\.\n$/),
    });
    expect((await pcert(['remote', 'list', ...account.slice(0, 2)])).out).not.toContain('shop');
  });

  test.each([
    { flags: ['--recipient', 'somebody'], err: '--recipient must be REGION/ID/NAME, not "somebody".' },
    { flags: ['--tag', 'team'], err: '--tag must be KEY=VALUE, not "team".' },
  ])('$flags', async ({ flags, err }) => {
    expect(await pcert(['remote', 'create', 'shop', 'x.pem', '--config', 'x', ...flags])).toEqual({
      code: 2,
      out: '',
      err: `pcert: ${err}\n`,
    });
  });
});

describe('changes at NAVER Cloud', () => {
  test.each(['v1', 'v2'])('API %s', async (apiVersion) => {
    const cloud = await naverSimulator();
    const issuer = await authority();
    const [issued, renewed] = [await issuer.issue(), await issuer.issue()];
    const directory = folder();
    const account = ['--config', config(directory, 'naver', cloud, { apiVersion })];
    const bundle = written(directory, 'bundle.pem', issued.bundle);
    const renewal = written(directory, 'renewal.pem', renewed.bundle);
    const remote = (...args: string[]): ReturnType<typeof pcert> => pcert(['remote', ...args, ...account]);

    expect(await remote('check-name', '-')).toMatchObject({
      code: 1,
      err: expect.stringContaining('must have 3 to 20 letters'),
    });
    expect(await remote('check-name', 'blog')).toMatchObject({ code: 0 });
    const none = 'pcert: CertificateProvider naver: the API of this cloud has no operation for that.\n';
    expect(await remote('validate', bundle)).toEqual({ code: 2, out: '', err: none });
    expect(await remote('create', 'blog', bundle)).toMatchObject({ code: 0, out: expect.stringMatching(/^blog\n/) });
    const replace = ['create', 'blog', renewal, '--replace', '--yes'];
    if (apiVersion === 'v1') expect(await remote(...replace)).toEqual({ code: 2, out: '', err: none });
    else {
      expect(await remote(...replace)).toMatchObject({ code: 0, out: expect.stringMatching(/^blog\n/) });
      expect((await remote('show', '--common-name', 'www.example.com', '--pem', '--key', renewal)).out).toContain(
        renewed.certificate,
      );
    }
    expect(await remote('delete', '--name', 'blog', '--yes')).toMatchObject({ code: 0, out: 'blog: deleted\n' });
    expect(await remote('check-name', 'blog')).toMatchObject({ code: 0 });
  });
});

test('NHN Cloud has nothing of that', async () => {
  const cloud = await simulator();
  const account = ['--config', config(folder(), 'nhn', cloud)];
  for (const args of [
    ['check-name', 'x'],
    ['delete', '--name', 'x', '--yes'],
  ])
    expect(await pcert(['remote', ...args, ...account])).toEqual({
      code: 2,
      out: '',
      err: 'pcert: CertificateProvider nhn: the API of this cloud has no operation for that.\n',
    });
});

test('credentials that are wrong are said so, and not shown', async () => {
  const cloud = await scpSimulator();
  const directory = folder();
  const account = ['--config', config(directory, 'scp', cloud, scpSpec)];
  const { code, out, err } = await pcert(['remote', 'list', ...account], {
    env: { PCERT_SECRET_KEY: 'not-the-secret' },
  });
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/^pcert: CertificateProvider scp: .*accessKey or secretKey is wrong.*\n$/);
  for (const secret of ['not-the-secret', ...Object.values(canaries)]) expect(err).not.toContain(secret);
});

test('the account is named once', async () => {
  expect(await pcert(['remote', 'list'])).toMatchObject({ code: 2, err: expect.stringContaining('either --provider') });
  expect(await pcert(['remote', 'list', '--provider', 'x', '--config', 'y'])).toMatchObject({ code: 2 });
  expect(await pcert(['remote', 'delete', '--config', 'y'])).toMatchObject({
    code: 2,
    err: 'pcert: Give either --name or --id.\n',
  });
  expect(await pcert(['remote'])).toMatchObject({ code: 2, err: expect.stringContaining('self-sign [options]') });
});
