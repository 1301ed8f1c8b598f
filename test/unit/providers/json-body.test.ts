import fc from 'fast-check';
import { expect, test } from 'vitest';
import { base64, escapedPem, jsonBody } from '../../../src/providers/json-body.ts';

test('Base64 is that of everybody', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(base64(Buffer.from(bytes)).toString()).toBe(Buffer.from(bytes).toString('base64'));
    }),
  );
});

test('PEM is escaped as JSON wants it', () => {
  const character = fc.constantFrom('\n', '\r', '\t', '"', '\\', '~', ' ', 'a', '+', '/', '-');
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 200 }), (text) => {
      expect(JSON.parse(`"${escapedPem(Buffer.from(text)).toString()}"`)).toBe(text);
    }),
  );
});

test.each(['\u0000', '\u001b', '\u007f', 'ä', '키', '\ufeff'])('%j is in no PEM', (character) => {
  expect(() => escapedPem(Buffer.from(`-----BEGIN ${character}`))).toThrow('is not PEM');
});

test('a body holds its fields in their order, without those that are undefined', () => {
  const body = jsonBody(
    { absent: undefined, name: 'a"b', pem: Buffer.from('x\ny'), no: 7, none: null, tags: [{ key: 'k' }] },
    escapedPem,
  );
  expect(body.toString()).toBe('{"name":"a\\"b","pem":"x\\ny","no":7,"none":null,"tags":[{"key":"k"}]}');
  expect(jsonBody({ pem: Buffer.from('x') }, base64).toString()).toBe('{"pem":"eA=="}');
});

test('a body of more than 512 KiB of PEM is not made', () => {
  const [half, rest] = [Buffer.alloc(256 * 1024, 'a'), Buffer.alloc(256 * 1024 + 1, 'a')];
  expect(jsonBody({ a: half, b: half }, escapedPem).length).toBeGreaterThan(512 * 1024);
  expect(() => jsonBody({ a: half, b: rest }, escapedPem)).toThrow('larger than 512 KiB');
});

test('what it was made of is zeroed, even when it is not made; what the caller gave is not', () => {
  const encoded: Buffer[] = [];
  const encode = (bytes: Buffer): Buffer => {
    const made = escapedPem(bytes);
    encoded.push(made);
    return made;
  };
  const key = Buffer.from('secret');
  const body = jsonBody({ key }, encode);
  expect(body.toString()).toBe('{"key":"secret"}');
  expect(() => jsonBody({ key, bad: Buffer.from('ä') }, encode)).toThrow('is not PEM');
  expect(encoded.map(String)).toEqual(['\0\0\0\0\0\0', '\0\0\0\0\0\0']);
  expect(key.toString()).toBe('secret');
});
