import { createPrivateKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { pcert, withColourNames } from '../../support/pcert.ts';
import { authority, folder, written } from './world.ts';

test('a good bundle is accepted, and described', async () => {
  const { bundle } = await (await authority()).issue();
  const file = written(folder(), 'bundle.pem', bundle);
  const { code, out, err } = await pcert(['check', file, '--dns', 'www.example.com'], { columns: 100 });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const shown = withColourNames(out)
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'TIME')
    .replaceAll(/[0-9A-F]{2}(:?[0-9A-F]{2})+/g, 'HEX');
  expect(shown).toMatchInlineSnapshot(`
    "<green>Accepted: this is what a Secret would hold</>
      common name    www.example.com
      DNS names      www.example.com
      issuer         CN=Sandbox Intermediate CA
      serial number  HEX
      SHA-256        HEX
      valid          TIME to TIME (88d left)
      key            P-256
      tls.crt        2 certificates
      ca.crt         the root
    "
  `);
});

test('several files are one bundle; the key may be apart, or piped in', async () => {
  const { certificate, chain, privateKey } = await (await authority()).issue();
  const directory = folder();
  const files = [written(directory, 'certificate.pem', certificate), written(directory, 'chain.pem', chain)];
  const key = written(directory, 'key.pem', privateKey);
  expect(await pcert(['check', ...files, '--key', key])).toMatchObject({ code: 0 });
  expect(await pcert(['check', ...files, '-'], { input: privateKey })).toMatchObject({ code: 0 });
  expect(await pcert(['check', '-', '-'])).toMatchObject({ code: 2, err: 'pcert: "-" can be given once only.\n' });
});

test('an encrypted key takes its passphrase, whose newline is not part of it', async () => {
  const { certificate, chain, privateKey } = await (await authority()).issue();
  const passphrase = 'correct horse';
  const encrypted = createPrivateKey(privateKey).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase,
  });
  const directory = folder();
  const bundle = written(directory, 'bundle.pem', certificate + chain + encrypted.toString());
  expect((await pcert(['check', bundle])).out).toMatch(/^Refused: PrivateKeyEncrypted\n/);
  const file = written(directory, 'passphrase', `${passphrase}\n`);
  expect(await pcert(['check', bundle, '--passphrase-file', file])).toMatchObject({ code: 0 });
});

test('a refused one: why, and what is in it', async () => {
  const { certificate, chain } = await (await authority()).issue({ commonName: 'evil\u001b[2J' });
  const { privateKey } = await (await authority()).issue();
  const file = written(folder(), 'bundle.pem', certificate + chain + privateKey);
  const { code, out } = await pcert(['check', file]);
  expect(code).toBe(1);
  const [first, message, , title, leaf, ...rest] = out.split('\n');
  expect(first).toBe('Refused: KeyMismatch');
  expect(message).toMatch(/^ {2}The private key fits no certificate of the bundle/);
  expect(title).toBe('The bundle holds');
  expect(leaf).toMatch(/^ {2}certificate {3}"CN=evil\\1B\[2J", issued by "CN=Sandbox Intermediate CA", until 20/);
  expect(rest.at(-2)).toBe('  private keys  1');
});

test('findings of a bundle that is accepted', async () => {
  const { certificate, privateKey } = await (await authority()).issue({ dnsNames: [] });
  const file = written(folder(), 'bundle.pem', certificate + privateKey);
  const { code, out } = await pcert(['check', file]);
  expect(code).toBe(0);
  expect(out).toContain('Note: IncompleteChain\n');
  expect(out).toContain('Note: NoSubjectAltName\n');
});

test.each([
  { args: ['check'], err: /^pcert: missing required argument 'files'; --help tells more\.\n$/ },
  { args: ['check', '/no/such/file'], err: /^pcert: \/no\/such\/file cannot be read \(ENOENT\)\.\n$/ },
  { args: ['check', '/'], err: /^pcert: \/ cannot be read \(EISDIR\)\.\n$/ },
  { args: ['check', '/dev/zero'], err: /^pcert: \/dev\/zero is larger than 1024 KiB\.\n$/ },
  { args: ['-n', 'shop', 'check', 'x'], err: /^pcert: check talks to no cluster and takes no --namespace\.\n$/ },
  { args: ['chek', 'x'], err: /^pcert: unknown command 'chek' \(Did you mean check\?\); --help tells more\.\n$/ },
  { args: ['check', '--nope'], err: /^pcert: unknown option '--nope'; --help tells more\.\n$/ },
  { args: ['completion', 'tcsh'], err: /^pcert: [^\n]*tcsh[^\n]*; --help tells more\.\n$/ },
])('$args ends with 2 and one sentence', async ({ args, err }) => {
  expect(await pcert(args)).toEqual({ code: 2, out: '', err: expect.stringMatching(err) });
});
