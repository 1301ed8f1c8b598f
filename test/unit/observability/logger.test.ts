import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { providers } from '../../../src/providers/registry.ts';
import { createLogger, type LogFormat, type LogLevel } from '../../../src/observability/logger.ts';
import { scrubbed } from '../../../src/observability/scrub.ts';

/** A logger and what it wrote. */
function recording(options: { level?: LogLevel; format?: LogFormat } = {}) {
  const written: string[] = [];
  const logger = createLogger({ ...options, out: { write: (text) => written.push(text) } });
  return { logger, written, last: () => JSON.parse(written.at(-1)!) as Record<string, unknown> };
}

const key = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const secretPart = key.privateKey.split('\n')[1]!;

describe('createLogger', () => {
  it('writes one JSON line per message, with time and level in words', () => {
    const { logger, written, last } = recording();
    logger.info({ object: 'team/web' }, 'two\nlines');
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^[^\n]+\n$/);
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      object: 'team/web',
      msg: 'two\nlines',
    });
  });

  it('keeps to its level', () => {
    const { logger, written } = recording({ level: 'warn' });
    logger.info('no');
    logger.warn('yes');
    expect(written).toHaveLength(1);
  });

  it.each(['appKey', 'secretAccessKey', 'secretKey', 'passphrase', 'privateKey', 'headers', 'data'])(
    'does not show the field %s',
    (field) => {
      const { logger, written } = recording();
      logger.info({ [field]: 'hidden-1', spec: { [field]: 'hidden-2' } }, 'message');
      logger.child({ credentials: { [field]: 'hidden-3' } }).info('message');
      expect(written.join('')).not.toContain('hidden');
    },
  );

  const canary = 'Canary+Secret/0001';
  const fields = [
    ...providers.flatMap((provider) => provider.credentialKeys({}).map(({ name }) => name)),
    'x-tc-authentication-id',
    'x-tc-authentication-secret',
    'X-NHN-Authorization',
    'authorization',
    'scp-accesskey',
    'scp-signature',
    'x-ncp-iam-access-key',
    'x-ncp-apigw-signature-v2',
    'access_token',
    'private_key',
    'tls.key',
    'passphrase',
    'client-key-data',
    'proxy-authorization',
  ];

  it.each([...new Set(fields)])('does not show the field %s, however deep it lies or whatever it holds', (field) => {
    const { logger, written, last } = recording();
    const secret = { [field]: canary };
    logger.info({ ...secret, a: { b: [{ c: { d: secret } }] }, e: { [field]: { f: [canary] } }, after: 'kept' }, 'm');
    logger.child({ a: { b: { c: secret } } }).info('m');
    expect(written.join('')).not.toContain(canary);
    expect(written.join('')).toMatch(/^[^\n]+\n[^\n]+\n$/);
    expect(last()).toEqual({
      level: 'info',
      time: expect.any(String),
      a: { b: { c: { [field]: '[redacted]' } } },
      msg: 'm',
    });
  });

  it('shows names that only sound like secrets', () => {
    const { logger, last } = recording();
    const harmless = {
      credentialsSecretRef: 'nhn',
      metadata: { keyAlgorithm: 'P-256' },
      tokenEndpoint: 'https://host',
    };
    logger.info(harmless, 'accessKey or secretKey is wrong; Basic Constraints say so, and a bearer token');
    expect(last()).toMatchObject({
      ...harmless,
      msg: expect.stringMatching(/wrong; Basic Constraints .* bearer token$/),
    });
  });

  it.each([
    [
      'an appkey in a path',
      `GET /certmanager/v1.1/appkeys/${canary.slice(0, 6)}/certificates failed`,
      canary.slice(0, 6),
    ],
    ['an appkey at the end', `no route /certmanager/v1.3/appkeys/${canary.slice(0, 6)}`, canary.slice(0, 6)],
    ['a bearer token', `refused Bearer ${canary}.${canary}.${canary}`, canary],
    ['a header', `authorization: Basic ${canary}`, canary],
    ['a header as JSON', JSON.stringify({ headers: { Authorization: `Bearer ${canary}` } }), canary],
    ['a credential as JSON', `Unexpected token in ${JSON.stringify({ n: 1, secretAccessKey: canary })}`, canary],
    ['a header of a cloud', `x-ncp-apigw-signature-v2: ${canary}`, canary],
    ['a query', `?accessKey=${canary}&page=1`, canary],
  ])('cuts %s out of messages, errors and what is deep in a field', (_what, text, secret) => {
    const { logger, written } = recording();
    logger.info({ a: [{ b: text }] }, text);
    logger.error({ err: new Error(text) }, 'failed');
    logger.error({ error: text, stack: new Error(text).stack }, 'failed');
    expect(written.join('')).not.toContain(secret);
    for (const line of written) expect(() => JSON.parse(line)).not.toThrow();
  });

  it.each([
    ['in the message', (): [object, string] => [{}, `got ${key.privateKey}`]],
    ['deep in a field', (): [object, string] => [{ a: { b: [{ c: key.privateKey }] } }, 'm']],
    ['in an error', (): [object, string] => [{ err: new Error(`bad key ${key.privateKey}`) }, 'm']],
    ['cut off', (): [object, string] => [{ text: key.privateKey.slice(0, 120) }, 'm']],
    ['twice', (): [object, string] => [{ text: `${key.privateKey}${key.privateKey}` }, 'm']],
    ['before quotes', (): [object, string] => [{ text: `${key.privateKey.slice(0, 100)}"\\"` }, 'm']],
  ])('cuts a private key out, %s, and the line stays JSON', (_where, log) => {
    const { logger, written, last } = recording();
    const [fields, message] = log();
    logger.info({ ...fields, after: 'kept' }, message);
    expect(written.join('')).not.toContain(secretPart);
    expect(last()).toMatchObject({ level: 'info', after: 'kept' });
    expect(written.join('')).toContain('[private key]');
  });

  it('shows of an error what is known to be harmless', () => {
    const { logger, last } = recording();
    const error = Object.assign(new TypeError('failed', { cause: { body: 'hidden' } }), {
      reason: 'Timeout',
      code: 'ETIMEDOUT',
      request: { authorization: 'hidden' },
    });
    logger.error({ err: error }, 'm');
    expect(last()['err']).toEqual({
      type: 'TypeError',
      message: 'failed',
      reason: 'Timeout',
      code: 'ETIMEDOUT',
    });
    logger.error({ err: new TypeError('a defect') }, 'm');
    expect(last()['err']).toEqual({
      type: 'TypeError',
      message: 'a defect',
      stack: expect.stringContaining('TypeError: a defect'),
    });
    logger.error({ err: 'thrown text' }, 'm');
    expect(last()['err']).toEqual({ message: 'thrown text' });
  });

  it('writes for human eyes', () => {
    const { logger, written } = recording({ format: 'pretty' });
    logger.warn({ object: 'team/web', count: 2, list: ['a'] }, 'refused');
    expect(written.at(-1)).toMatch(/^[\d:.]{12} \S*WARN \S* refused object=team\/web count=2 list=\["a"\]\n$/);
    logger.error({ err: new Error('broken') }, 'failed');
    expect(written.at(-1)).toMatch(/ failed\nError: broken\n +at /);
    logger.fatal({ err: { message: 'odd' } }, 'failed');
    expect(written.at(-1)).toContain('FATAL');
  });

  it.each(['json', 'pretty'] as const)('lets no text forge a line or turn one around, as %s', (format) => {
    const { logger, written } = recording({ format });
    const forged = 'a\n12:00:00.000 \u001b[31mERROR\u001b[0m \u009b2J\u202e\u2028b';
    logger.info({ [forged]: forged, list: [forged] }, forged);
    logger.error({ err: Object.assign(new Error(forged), { reason: 'Foreseen' }) }, 'failed');
    logger.error({ err: new Error(forged) }, 'failed');
    const lines = written
      .join('')
      .replaceAll(/\n {4}at .*/g, '')
      .split('\n');
    expect(lines.filter((line) => line.startsWith('12:00:00.000'))).toEqual([]);
    const ours = ['\u001B[32m', '\u001B[31mERROR', '\u001B[0m '];
    const rest = (line: string): string => ours.reduce((text, colour) => text.replace(colour, ''), line);
    for (const line of lines) expect(rest(line)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(lines).toHaveLength(format === 'json' ? 4 : 6);
  });
});

describe('scrubbed', () => {
  const part = fc.oneof(
    fc.constantFrom('-----BEGIN ', 'RSA ', 'PRIVATE KEY-----', '-----END ', '\n', '"', '\\', '{', 'MIIE'),
    fc.string({ unit: 'grapheme' }),
  );

  it('keeps every JSON line valid, and what has no private key as it is', () => {
    const property = fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const text = parts.join('');
      const found = JSON.parse(scrubbed(JSON.stringify({ text, after: 1 }))) as { text: string; after: number };
      return found.after === 1 && (found.text === text || text.includes('PRIVATE KEY-----'));
    });
    expect(() => fc.assert(property, { numRuns: 1_000 })).not.toThrow();
  });

  it('leaves nothing of what lies between the lines of a key', () => {
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 10 }),
        fc.constantFrom('', 'RSA ', 'EC ', 'ENCRYPTED '),
        (parts, kind) => {
          const text = `${parts.join('')}-----BEGIN ${kind}PRIVATE KEY-----\nSeCrEt\n-----END ${kind}PRIVATE KEY-----\n`;
          expect(scrubbed(JSON.stringify({ text }))).not.toContain('SeCrEt');
        },
      ),
    );
  });
});
