import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { GateInput } from '../../../src/certificate/gate.ts';
import { createAuthority, generateKey, type Authority, type Issued, type KeyType } from '../../../sandbox/pki/index.ts';

/** The day on which all tests judge. */
export const now = Date.UTC(2027, 0, 15, 12);
export const inDays = (days: number): Date => new Date(now + days * 86_400_000);

/** Root R, intermediate I and leaf L with key K, and a second leaf that is older. */
export interface World {
  type: KeyType;
  root: Authority;
  intermediate: Authority;
  leaf: Issued;
  older: Issued;
  /** PEM, named as in the table of cases. */
  L: string;
  I: string;
  R: string;
  K: string;
  /** A key of the same family, of no certificate. */
  otherKey: KeyObject;
}

export const passphrase = 'correct horse';
export const valid = { notBefore: inDays(-10), notAfter: inDays(80) };
export const longValid = { notBefore: inDays(-1000), notAfter: inDays(2000) };

const worlds = new Map<KeyType, Promise<World>>();

/** The world in which K is of this type; made once, because an RSA-4096 key takes its time. */
export function worldOf(type: KeyType): Promise<World> {
  const known = worlds.get(type) ?? createWorld(type);
  worlds.set(type, known);
  return known;
}

async function createWorld(type: KeyType): Promise<World> {
  const authorityType = type === 'rsa4096' ? 'rsa2048' : type;
  const root = await createAuthority({ name: 'R', keyType: authorityType, ...longValid });
  const intermediate = await root.intermediate({ name: 'I', keyType: authorityType, ...longValid });
  const leaf = await intermediate.issue({ keyType: type, ...valid });
  const older = await intermediate.issue({ key: leaf.key, notBefore: inDays(-90), notAfter: inDays(5) });
  return {
    type,
    root,
    intermediate,
    leaf,
    older,
    L: leaf.certificate,
    I: intermediate.certificate,
    R: root.certificate,
    K: leaf.privateKey,
    otherKey: await generateKey(authorityType),
  };
}

/** What a plain certificate resource asks for, with these parts from the provider. */
export function input(parts: readonly (string | Uint8Array)[], more: Partial<GateInput> = {}): GateInput {
  return {
    parts: parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)),
    dnsNames: [],
    allowOlder: false,
    allowIncompleteChain: false,
    caCertificate: 'Include',
    now,
    ...more,
  };
}

export function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export function encrypted(pem: string): string {
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  return createPrivateKey(pem).export(options).toString();
}
