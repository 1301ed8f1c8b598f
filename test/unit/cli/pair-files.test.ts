import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { filesIn, putPair } from '../../../src/cli/pair-files.ts';
import { eventually } from '../../support/eventually.ts';

let directory = '';

beforeEach(() => {
  const parent = fs.mkdtempSync(join(tmpdir(), 'pcert-files-'));
  directory = join(parent, 'tls');
  onTestFinished(() => fs.rmSync(parent, { recursive: true, force: true }));
});

const pair = (certificates: string, ca?: string): Parameters<typeof putPair>[1] => ({
  certificates,
  privateKey: Buffer.from(`key of ${certificates}`),
  ...(ca && { ca }),
});
const read = (name: string): string => fs.readFileSync(join(directory, name), 'utf8');
const names = (): string[] => fs.readdirSync(directory).filter((name) => !name.startsWith('..2'));

test('writes a pair that its owner alone can read', () => {
  expect(filesIn(directory)).toBeUndefined();
  expect(putPair(directory, pair('one', 'root'))).toBe(true);
  expect([read('tls.crt'), read('tls.key'), read('ca.crt')]).toEqual(['one', 'key of one', 'root']);
  for (const name of ['tls.crt', 'tls.key', 'ca.crt'])
    expect(fs.statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  expect(fs.statSync(join(directory, '..data')).mode & 0o777).toBe(0o700);
  expect(filesIn(directory)?.privateKey.toString()).toBe('key of one');
});

test('writes nothing when nothing changes', () => {
  putPair(directory, pair('one'));
  const before = fs.readlinkSync(join(directory, '..data'));
  expect(putPair(directory, pair('one'))).toBe(false);
  expect(fs.readlinkSync(join(directory, '..data'))).toBe(before);
});

test('replaces all files in one step, and leaves no former version', () => {
  putPair(directory, pair('one', 'root'));
  // As a server that began to read has it.
  const former = fs.realpathSync(join(directory, '..data'));
  const open = fs.openSync(join(former, 'tls.key'), 'r');
  onTestFinished(() => fs.closeSync(open));
  expect(putPair(directory, pair('two'))).toBe(true);
  expect([read('tls.crt'), read('tls.key')]).toEqual(['two', 'key of two']);
  expect(fs.readlinkSync(join(directory, 'tls.key'))).toBe('..data/tls.key');
  expect(names()).toEqual(['..data', 'tls.crt', 'tls.key']);
  expect(fs.existsSync(former)).toBe(false);
  expect(fs.readFileSync(open, 'utf8')).toBe('key of one');
});

test('whenever it is killed, the files that are there belong together', async () => {
  const module = pathToFileURL(join(import.meta.dirname, '../../../src/cli/pair-files.ts')).href;
  const endless = `import { putPair } from ${JSON.stringify(module)};
    for (let n = 0; ; n++) putPair(process.argv[1], { certificates: \`\${process.pid} \${n}\`, privateKey: Buffer.from(\`\${process.pid} \${n}\`) });`;
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', endless, directory]);
    const ended = once(child, 'exit');
    await eventually(() => expect(read('tls.crt')).toMatch(new RegExp(`^${child.pid} `)));
    await setTimeout(round * 7);
    child.kill('SIGKILL');
    await ended;
    expect(read('tls.key')).toBe(read('tls.crt'));
  }
});

test('takes over plain files, and keeps what is not its own', () => {
  fs.mkdirSync(directory);
  for (const [name, text] of Object.entries({
    'tls.crt': 'old',
    'tls.key': 'old key',
    'ca.crt': 'old',
    'dhparam.pem': 'x',
  }))
    fs.writeFileSync(join(directory, name), text, { mode: 0o644 });
  expect(putPair(directory, pair('new'))).toBe(true);
  expect([read('tls.crt'), read('tls.key'), read('dhparam.pem')]).toEqual(['new', 'key of new', 'x']);
  expect(fs.existsSync(join(directory, 'ca.crt'))).toBe(false);
});

test('clears away what a crash left behind, when it is old', () => {
  putPair(directory, pair('one'));
  const [old, young] = ['..2020-01-01T00-00-00.000Z-abandon', '..2030-01-01T00-00-00.000Z-working'];
  for (const name of [old, young]) fs.mkdirSync(join(directory, name));
  fs.utimesSync(join(directory, old), 0, 0);
  putPair(directory, pair('two'));
  expect(fs.readdirSync(directory)).toContain(young);
  expect(fs.readdirSync(directory)).not.toContain(old);
});

test('says in one sentence what is in the way', () => {
  fs.writeFileSync(directory, 'a file');
  expect(() => putPair(directory, pair('one'))).toThrow(/^The files in .*tls cannot be read or written \(E[A-Z]+\)\.$/);
  expect(() => filesIn(directory)).toThrow(/^The files in .*tls cannot be read or written \(ENOTDIR\)\.$/);
});

test.runIf(fs.existsSync('/proc/self'))('gives up where no folder can be made', () => {
  expect(() => putPair('/proc/certificates/tls', pair('one'))).toThrow(
    /^The files in \/proc.* cannot be read or written \(E[A-Z]+\)\.$/,
  );
});

test('makes the folders above, too', () => {
  directory = join(directory, 'www', 'tls');
  putPair(directory, pair('one'));
  expect(read('tls.crt')).toBe('one');
});
