import { createHash } from 'node:crypto';

/** What Kubernetes takes as the name of an object, and of a namespace; no part of a URL is anything else. */
export const objectNamePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
export const namespacePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Leaves room for a digest in the 63 characters that also a label may have. */
const longest = 50;

/**
 * Names for objects and folders after what certificates are called at the provider: `www.example.com` becomes
 * `www-example-com`, `*.example.com` becomes `wildcard-example-com`. Where two come out alike, or nothing is left that
 * would fit, a digest of the name goes with it: a certificate must not end up under the name that was another's yesterday.
 */
export function localNames(remoteNames: readonly string[]): Map<string, string> {
  const plain = new Map(remoteNames.map((name) => [name, simplified(name)]));
  const uses = Map.groupBy(plain.values(), (name) => name);
  const named = Array.from(plain, ([remote, local]): [string, string] => {
    const unique = local !== '' && uses.get(local)?.length === 1;
    return [remote, unique ? local : `${local || 'certificate'}-${digestOf(remote)}`];
  });
  return new Map(named);
}

function simplified(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/^\*/, 'wildcard')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, longest)
    .replaceAll(/^-+|-+$/g, '');
}

function digestOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 8);
}
