import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export type KeyType = 'rsa2048' | 'rsa4096' | 'p256' | 'p384' | 'p521' | 'ed25519';

const generate = promisify(generateKeyPair);

/** Makes a new private key; RSA-4096 takes a second or more. */
export async function generateKey(type: KeyType): Promise<KeyObject> {
  const { privateKey } =
    type === 'ed25519'
      ? await generate('ed25519')
      : type.startsWith('rsa')
        ? await generate('rsa', { modulusLength: Number(type.slice(3)) })
        : await generate('ec', { namedCurve: type.replace('p', 'P-') });
  return privateKey;
}
