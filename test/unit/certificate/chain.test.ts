import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { createAuthority, generateKey, type Authority } from '../../../sandbox/pki/index.ts';
import { parseCertificate, type Certificate } from '../../../src/certificate/certificate.ts';
import { buildChain, isIssuedBy } from '../../../src/certificate/chain.ts';
import { judge } from '../../../src/certificate/gate.ts';
import { isIssuedByPublicRoot } from '../../../src/certificate/public-roots.ts';
import { inDays, input, longValid, now, valid, worldOf } from './world.ts';

const parse = (pem: string, position = 0): Certificate =>
  parseCertificate(Buffer.from(new X509Certificate(pem).raw), position);

/** Builds the chain of the first one from all of them, and gives the PEM of its members. */
function chainOf(pems: string[]) {
  const [leaf, ...others] = pems.map(parse);
  const chain = buildChain(leaf!, [leaf!, ...others], now);
  return {
    members: [chain.leaf, ...chain.intermediates].map(({ x509 }) => x509.toString()),
    root: chain.root?.x509.toString(),
    obstacle: chain.obstacle?.x509.toString(),
  };
}

/** `levels` authorities below the root. */
async function lineage(root: Authority, levels: number): Promise<Authority> {
  let authority = root;
  for (let level = 1; level <= levels; level += 1) {
    authority = await authority.intermediate({ name: `I${level}`, ...longValid });
  }
  return authority;
}

describe('climbing', () => {
  test('goes up to eight certificates and refuses more', async () => {
    const root = await createAuthority({ name: 'R', ...longValid });
    const eight = await (await lineage(root, 7)).issue(valid);
    const verdict = judge(input([eight.bundle]));
    expect(verdict).toMatchObject({ accepted: true, pair: { facts: { chainLength: 8 }, ca: root.certificate } });
    const nine = await (await lineage(root, 8)).issue(valid);
    expect(judge(input([nine.bundle]))).toMatchObject({ accepted: false, reason: 'MalformedBundle' });
  });

  test('stops where authorities certify each other in a circle', async () => {
    const [a, b] = [
      await createAuthority({ name: 'A', ...longValid }),
      await createAuthority({ name: 'B', ...longValid }),
    ];
    const aByB = await b.intermediate({ name: 'A', key: a.key, ...longValid });
    const bByA = await a.intermediate({ name: 'B', key: b.key, ...longValid });
    const { certificate } = await a.issue(valid);
    expect(chainOf([certificate, aByB.certificate, bByA.certificate])).toEqual({
      members: [certificate, aByB.certificate, bByA.certificate],
      root: undefined,
      obstacle: undefined,
    });
  });

  test('asks for CA:TRUE', async () => {
    const { L, leaf, I, R } = await worldOf('p256');
    const notAnAuthority = await createAuthority({ name: 'www.example.com', key: leaf.key, ...longValid });
    const below = await notAnAuthority.issue(valid);
    expect(chainOf([below.certificate, L, I, R]).members).toEqual([below.certificate]);
  });

  test('takes a way around an expired authority further up', async () => {
    const { root, R, leaf } = await worldOf('p256');
    const gone = await createAuthority({ name: 'Gone', ...longValid });
    const expired = await gone.intermediate({ name: 'X', notBefore: inDays(-900), notAfter: inDays(-1) });
    const key = await generateKey('p256');
    const overExpired = await expired.intermediate({ name: 'J', key, ...longValid });
    const overRoot = await root.intermediate({ name: 'J', key, ...longValid });
    const { certificate } = await overRoot.issue({ key: leaf.key, ...valid });
    const [x, j, k] = [expired.certificate, overExpired.certificate, overRoot.certificate];
    expect(chainOf([certificate, j, x, k, R])).toMatchObject({ members: [certificate, k], root: R });
    expect(chainOf([certificate, j, x])).toMatchObject({ obstacle: x });
  });

  test('names the same obstacle when two ways lead to it', async () => {
    const gone = await createAuthority({ name: 'Gone', ...longValid });
    const expired = await gone.intermediate({ name: 'X', notBefore: inDays(-900), notAfter: inDays(-1) });
    const key = await generateKey('p256');
    const twins = [await expired.intermediate({ name: 'J', key }), await expired.intermediate({ name: 'J', key })];
    const { certificate } = await twins[0]!.issue(valid);
    const pool = [certificate, ...twins.map((twin) => twin.certificate), expired.certificate];
    expect(chainOf(pool)).toMatchObject({ obstacle: expired.certificate });
  });

  test('says what bars the best way, which is not the way over an expired certificate', async () => {
    const gone = await createAuthority({ name: 'Gone', ...longValid });
    const expired = { notBefore: inDays(-900), notAfter: inDays(-1) };
    const x = await gone.intermediate({ name: 'X', ...expired });
    const key = await generateKey('p256');
    const dead = await gone.intermediate({ name: 'J', key, ...expired });
    const alive = await x.intermediate({ name: 'J', key, ...longValid });
    const { certificate } = await alive.issue(valid);
    expect(chainOf([certificate, dead.certificate, alive.certificate, x.certificate])).toMatchObject({
      obstacle: x.certificate,
    });
  });

  test('looks at each authority once, however many ways lead to it', async () => {
    const pems: string[] = [];
    let above = await createAuthority({ name: 'Gone', ...longValid });
    for (let level = 0; level < 7; level += 1) {
      const key = await generateKey('p256');
      const dates = level === 0 ? { notBefore: inDays(-900), notAfter: inDays(-1) } : longValid;
      const twins = [1, 2, 3].map(() => above.intermediate({ name: `L${level}`, key, ...dates }));
      const [first, ...others] = await Promise.all(twins);
      pems.push(...others.map(({ certificate }) => certificate), first!.certificate);
      above = first!;
    }
    const leaf = await above.issue(valid);
    const verdict = judge(input([leaf.certificate + pems.join('') + leaf.privateKey]));
    expect(verdict).toMatchObject({ accepted: false, reason: 'CertificateExpired' });
    expect(verdict).toHaveProperty('message', expect.stringContaining('CN=L0'));
  });

  test('waits for an intermediate that is not valid yet', async () => {
    const { root } = await worldOf('p256');
    const early = await root.intermediate({ name: 'Early', notBefore: inDays(3), notAfter: inDays(900) });
    const leaf = await early.issue(valid);
    const inPlace = { facts: judgeFacts(await (await worldOf('p256')).intermediate.issue(valid)), asRecorded: false };
    expect(judge(input([leaf.bundle], { inPlace }))).toMatchObject({
      reason: 'CertificateNotYetValid',
      notBefore: inDays(3).getTime(),
    });
  });
});

function judgeFacts({ bundle }: { bundle: string }) {
  const verdict = judge(input([bundle]));
  if (!verdict.accepted) throw new Error(verdict.message);
  return verdict.pair.facts;
}

describe('among several that fit', () => {
  test('the one next in the input, then the one that ends last', async () => {
    const { root, intermediate, L } = await worldOf('p256');
    const twin = (days: number): Promise<Authority> =>
      root.intermediate({ name: 'I', key: intermediate.key, notBefore: inDays(-10), notAfter: inDays(days) });
    const [shorter, longer] = [(await twin(100)).certificate, (await twin(200)).certificate];
    expect(chainOf([L, shorter, longer]).members).toEqual([L, shorter]);
    expect(chainOf([L, longer, shorter]).members).toEqual([L, longer]);
    const stranger = (await createAuthority({ name: 'S', ...longValid })).certificate;
    expect(chainOf([L, stranger, shorter, longer]).members).toEqual([L, shorter]);
    for (const pems of [
      [shorter, longer, L],
      [longer, shorter, L],
    ]) {
      const pool = pems.map(parse);
      const { intermediates } = buildChain(pool.at(-1)!, pool, now);
      expect(intermediates.map(({ x509 }) => x509.toString())).toEqual([longer]);
    }
  });

  test('the choice does not depend on chance: the fingerprint decides last', async () => {
    const { root, intermediate, L } = await worldOf('p256');
    const twin = (): Promise<Authority> => root.intermediate({ name: 'I', key: intermediate.key, ...longValid });
    const [a, b] = [(await twin()).certificate, (await twin()).certificate];
    const chosen = [
      [a, b, L],
      [b, a, L],
    ].map((pems) => {
      const pool = pems.map(parse);
      return buildChain(pool.at(-1)!, pool, now).intermediates[0]?.x509.fingerprint256;
    });
    expect(chosen[0]).toBe(chosen[1]);
  });

  test('gives up on a tangle of authorities with the same name instead of trying every pair', async () => {
    const certificates: string[] = [];
    let top = await createAuthority({ name: 'T', ...longValid });
    for (let count = 0; count < 98; count += 1) {
      top = await top.intermediate({ name: 'T', ...longValid });
      certificates.push(top.certificate);
    }
    const leaf = await top.issue(valid);
    const verdict = judge(input([leaf.certificate + certificates.join('') + leaf.privateKey]));
    expect(verdict).toMatchObject({ accepted: false, reason: 'MalformedBundle' });
    expect(verdict).toHaveProperty('message', expect.stringContaining('same name'));
  });
});

describe('issuers', () => {
  test('a self-signed leaf that may not sign certificates is its own issuer', async () => {
    const { certificate } = await createAuthority({ name: 'x', dnsNames: ['x'], authority: false, ...valid });
    expect(new X509Certificate(certificate).checkIssued(new X509Certificate(certificate))).toBe(false);
    expect(isIssuedBy(parse(certificate), parse(certificate))).toBe(true);
  });

  test('a wrong authority key identifier does not matter, a wrong signature does', async () => {
    const { root, intermediate, L, otherKey } = await worldOf('p256');
    const forged = await root.intermediate({ name: 'I', key: otherKey, ...longValid });
    expect(isIssuedBy(parse(L), parse(intermediate.certificate))).toBe(true);
    expect(isIssuedBy(parse(L), parse(forged.certificate))).toBe(false);
  });

  test('public roots are known by name and signature', async () => {
    const roots = rootCertificates.map((root) => parse(root));
    expect(roots.filter(isIssuedByPublicRoot).length).toBe(roots.length);
    const impostor = await createAuthority({ name: roots[0]!.commonName ?? '', ...longValid });
    expect(isIssuedByPublicRoot(parse((await impostor.issue(valid)).certificate))).toBe(false);
  });
});
