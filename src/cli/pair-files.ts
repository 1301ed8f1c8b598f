import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import type { Pair } from '../certificate/verdict.ts';
import { Failure } from './failure.ts';

const names = ['tls.crt', 'tls.key', 'ca.crt'] as const;
type FileName = (typeof names)[number];
type Files = Partial<Record<FileName, Uint8Array>>;

/** What is in force: a link to a folder with one version of all files. Whoever reads a file goes through it. */
const current = '..data';
/** Versions, and links on their way to their place. */
const ours = /^\.\.(?:\d{4}-\d\d-\d\dT|new-)/;
/** What a crash left behind is removed when it is so old that nobody is writing it. */
const abandonedMs = 3_600_000;

/** The files of a pair as they are in a folder; undefined when there is none. Throws Failure. */
export function filesIn(directory: string): { certificates: Buffer; privateKey: Buffer; ca?: Buffer } | undefined {
  return guarded(directory, () => {
    const { 'tls.crt': certificates, 'tls.key': privateKey, 'ca.crt': ca } = visible(directory);
    if (certificates === undefined || privateKey === undefined) return undefined;
    return { certificates, privateKey, ...(ca && { ca }) };
  });
}

/**
 * Puts a pair into a folder as `tls.crt`, `tls.key` and, if there is a root, `ca.crt`. All of them change at once, as in a
 * volume of Kubernetes: each is a link through `..data`, and that one is replaced in a single step. Whatever happens on the
 * way, the files that can be read belong together, and only their owner can read them. Files that somebody else put there
 * are taken over in the same manner.
 *
 * @returns whether anything had to be written
 * @throws Failure
 */
export function putPair(
  directory: string,
  { certificates, privateKey, ca }: Pick<Pair, 'certificates' | 'privateKey' | 'ca'>,
): boolean {
  const wanted: Files = {
    'tls.crt': Buffer.from(certificates),
    'tls.key': privateKey,
    ...(ca !== undefined && { 'ca.crt': Buffer.from(ca) }),
  };
  return guarded(directory, () => {
    makeFolder(directory);
    const before = visible(directory);
    if (isLinked(directory, wanted) && same(before, wanted)) return false;
    // Plain files become links to copies of themselves first: that changes nothing for those who read them.
    if (names.some((name) => isPlainFile(join(directory, name)))) replace(directory, before);
    replace(directory, wanted);
    return true;
  });
}

/** With all folders above it. Not by `recursive`, with which Node 24 never ends where nothing can be made, as in /proc. */
function makeFolder(path: string): void {
  if (fs.existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  fs.mkdirSync(path);
}

function visible(directory: string): Partial<Record<FileName, Buffer>> {
  const found = names.flatMap((name): [FileName, Buffer][] => {
    try {
      return [[name, fs.readFileSync(join(directory, name))]];
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
  return Object.fromEntries(found);
}

/** A new folder with these files, on the disk before anything points to it. Returns its name. */
function writeVersion(directory: string, files: Files): string {
  const path = fs.mkdtempSync(join(directory, `..${new Date().toISOString().replaceAll(':', '-')}-`));
  for (const name of names) {
    const bytes = files[name];
    if (bytes === undefined) continue;
    const file = fs.openSync(join(path, name), 'wx', 0o600);
    try {
      fs.writeFileSync(file, bytes);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
  }
  sync(path);
  return path.slice(directory.length + 1);
}

function replace(directory: string, files: Files): void {
  const former = targetOf(directory, current);
  const version = writeVersion(directory, files);
  // The one step that counts.
  replaceByLink(directory, current, version);
  sync(directory);
  link(directory, files);
  tidy(directory, former);
}

/** Makes every file a link through the current version, and takes away what that does not have. */
function link(directory: string, files: Files): void {
  for (const name of names) {
    if (files[name] === undefined) fs.rmSync(join(directory, name), { force: true });
    else if (targetOf(directory, name) !== join(current, name)) replaceByLink(directory, name, join(current, name));
  }
  sync(directory);
}

function isLinked(directory: string, files: Files): boolean {
  return names.every((name) => targetOf(directory, name) === (files[name] && join(current, name)));
}

function replaceByLink(directory: string, name: string, target: string): void {
  const temporary = join(directory, `..new-${process.pid}-${name}`);
  fs.rmSync(temporary, { force: true });
  fs.symlinkSync(target, temporary);
  fs.renameSync(temporary, join(directory, name));
}

/** Removes the version that was in force before, and what a crash left behind. */
function tidy(directory: string, former: string | undefined): void {
  const inForce = targetOf(directory, current);
  for (const name of fs.readdirSync(directory)) {
    if (!ours.test(name) || name === inForce) continue;
    const path = join(directory, name);
    const age = Date.now() - (fs.lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (name === former || age > abandonedMs) fs.rmSync(path, { recursive: true, force: true });
  }
}

function same(a: Files, b: Files): boolean {
  return names.every((name) => {
    const [one, other] = [a[name], b[name]];
    return one === undefined || other === undefined ? one === other : Buffer.compare(one, other) === 0;
  });
}

/** Where a link points to; undefined when it is none, or not there. */
function targetOf(directory: string, name: string): string | undefined {
  try {
    return fs.readlinkSync(join(directory, name));
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

function isPlainFile(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Brings what changed in a folder to the disk. */
function sync(path: string): void {
  const folder = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(folder);
  } finally {
    fs.closeSync(folder);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown fault';
}

function guarded<T>(directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Failure(`The files in ${directory} cannot be read or written (${codeOf(error)}).`);
  }
}
