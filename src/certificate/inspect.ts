import type { KeyObject } from 'node:crypto';
import { isReadableByGo } from './algorithms.ts';
import { decodeBase64 } from './base64.ts';
import { isKeyLabel } from './bundle.ts';
import { parseCertificate } from './certificate.ts';
import { chainDigest, factsOf, type Facts } from './facts.ts';
import { FormatError } from './format-error.ts';
import { derFormat, openKey } from './keys.ts';
import { pemBlocks } from './pem.ts';
import { printable } from '../printable.ts';
import { proveKey } from './proof.ts';
import { Refusal } from './verdict.ts';

export type Inspection = { intact: true; facts: Facts; chainDigest: string } | { intact: false; message: string };

/** The fields of a TLS Secret, decoded from the Base64 of the API. */
export interface SecretFields {
  certificates: Uint8Array;
  privateKey: Uint8Array;
  ca?: Uint8Array;
}

/**
 * Says what a Secret holds. Intact: every certificate of the chain parses, the first one matches the key, and a server
 * would load the two as they stand. Who issued it, when it is valid and for what names is for others to judge.
 * Never throws.
 */
export function inspectPair({ certificates, privateKey, ca }: SecretFields): Inspection {
  const keys: Buffer[] = [];
  try {
    const chain = derBlocks(certificates, 'tls.crt', (label) => label === 'CERTIFICATE').map(parseCertificate);
    keys.push(...derBlocks(privateKey, 'tls.key', isKeyLabel));
    const [leaf] = chain;
    const [der] = keys;
    if (leaf === undefined) throw new FormatError('tls.crt holds no certificate');
    if (der === undefined) throw new FormatError('tls.key holds no private key');
    const key = open(der);
    if (!leaf.x509.checkPrivateKey(key)) throw new FormatError('tls.key does not fit the first certificate of tls.crt');
    const keyAlgorithm = proveKey(key, leaf);
    if (!chain.every((member) => isReadableByGo(member.publicKey))) {
      throw new FormatError('tls.crt holds a certificate with an unusual key');
    }
    return {
      intact: true,
      facts: factsOf(leaf, keyAlgorithm, chain.length),
      chainDigest: chainDigest(certificates, ca),
    };
  } catch (error) {
    const known = error instanceof FormatError || error instanceof Refusal;
    const why = known ? error.message : 'it could not be examined';
    return { intact: false, message: printable(why, 1024) };
  } finally {
    for (const key of keys) key.fill(0);
  }
}

/** The blocks of a field that a server would load. Stricter than with downloads: nothing can be repaired here. */
function derBlocks(field: Uint8Array, name: string, wanted: (label: string) => boolean): Buffer[] {
  const text = Buffer.from(field.buffer, field.byteOffset, field.byteLength);
  return [...pemBlocks(text)]
    .filter(({ label }) => wanted(label))
    .map(({ body, start }) => {
      const der = start === 0 || text[start - 1] === 0x0a ? decodeBase64(body) : undefined;
      if (der === undefined) throw new FormatError(`${name} holds a block that cannot be decoded`);
      return der;
    });
}

function open(der: Buffer): KeyObject {
  const format = derFormat(der);
  const opened =
    format === 'pkcs8' || format === 'pkcs1' || format === 'sec1'
      ? openKey({ format, bytes: der }, undefined)
      : 'unsupported';
  if (typeof opened === 'string') throw new FormatError('tls.key is encrypted or of a kind that cannot be used');
  return opened.key;
}
