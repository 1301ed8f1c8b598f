import { enterOnly, identifier, tags } from './der.ts';

// Object identifiers, as content of their DER in hex.
export const rsaEncryption = '2a864886f70d010101';
export const rsaPss = '2a864886f70d01010a';
export const ecPublicKey = '2a8648ce3d0201';
export const ed25519 = '2b6570';

/** By the name that Node gives them; `publicKey` is how a SubjectPublicKeyInfo with an uncompressed point begins, in hex. */
export const curves: Record<string, { name: string; publicKey: string }> = {
  prime256v1: { name: 'P-256', publicKey: '3059301306072a8648ce3d020106082a8648ce3d03010703420004' },
  secp384r1: { name: 'P-384', publicKey: '3076301006072a8648ce3d020106052b8104002203620004' },
  secp521r1: { name: 'P-521', publicKey: '30819b301006072a8648ce3d020106052b810400230381860004' },
};

/**
 * Whether Go could parse a certificate with this SubjectPublicKeyInfo: if the key is EC, on a curve of ours, named and
 * with an uncompressed point; if it is RSA, with the NULL that belongs there. It takes algorithms that it does not know.
 */
export function isReadableByGo(publicKey: Buffer): boolean {
  const algorithm = enterOnly(publicKey, tags.sequence).enter(tags.sequence);
  const type = identifier(algorithm.next(tags.objectIdentifier));
  if (type === rsaEncryption) return algorithm.tag === tags.null;
  return type !== ecPublicKey || Object.values(curves).some((curve) => isOn(curve, publicKey));
}

/** Whether the bytes name the curve; Node gives a curve that is written out in full its name, too. */
export function isOn(curve: { publicKey: string }, publicKey: Buffer): boolean {
  return publicKey.subarray(0, curve.publicKey.length / 2).toString('hex') === curve.publicKey;
}
