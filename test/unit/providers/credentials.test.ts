import { expect, test } from 'vitest';
import { readCredentials } from '../../../src/providers/credentials.ts';
import { nhn } from '../../../src/providers/nhn/index.ts';

const keys = nhn.credentialKeys({ nhn: {} });
const good = { appKey: 'Ab_9-x', accessKeyId: 'ID+/=', secretAccessKey: 'se cret' };

function read(values: Record<string, string | Uint8Array | undefined>): ReturnType<typeof readCredentials> {
  return readCredentials(
    keys,
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        value === undefined ? undefined : Buffer.from(value).toString('base64'),
      ]),
    ),
    'Secret team/nhn',
  );
}

test('outer white space, newlines and a byte order mark are trimmed', () => {
  expect(read({ appKey: ' Ab_9-x\r\n', accessKeyId: '\tID+/=\n', secretAccessKey: '\ufeffse cret' })).toEqual({
    credentials: good,
  });
});

test('other keys of the Secret are left alone', () => {
  expect(read({ ...good, other: 'x' })).toEqual({ credentials: good });
});

test.each<[string, string | Uint8Array | undefined, RegExp]>([
  ['appKey', undefined, /no key appKey/],
  ['appKey', '', /key appKey .* is empty/],
  ['appKey', ' \n', /key appKey .* is empty/],
  ['appKey', 'CANARY/..', /key appKey .* letters, digits/],
  ['appKey', 'CANARY?x', /key appKey .* letters, digits/],
  ['appKey', 'CANARY'.repeat(200), /key appKey .* at most 1,024/],
  ['accessKeyId', undefined, /no key accessKeyId/],
  ['accessKeyId', 'CANARY\r\nx: y', /key accessKeyId .* printable ASCII/],
  ['secretAccessKey', 'CANARY\u0000', /key secretAccessKey .* printable ASCII/],
  ['secretAccessKey', 'CANARY비밀', /key secretAccessKey .* printable ASCII/],
  ['secretAccessKey', Buffer.from([0x43, 0xff, 0xfe]), /key secretAccessKey .* printable ASCII/],
])('%s = %j is refused without showing it', (key, value, message) => {
  const result = read({ ...good, [key]: value });
  expect(result).toEqual({ message: expect.stringMatching(message) });
  expect(JSON.stringify(result)).not.toContain('CANARY');
});
