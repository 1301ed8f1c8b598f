import { beforeAll, expect, it } from 'vitest';
import { secrets } from '../../../src/kube/objects.ts';
import type { Candidate } from '../api-conformance.ts';
import { base64, Bench, data, invalidBecause, refused } from './bench.ts';

const tls = 'kubernetes.io/tls';
const typeIsImmutable = invalidBecause('type', 'Invalid', expect.stringContaining('field is immutable'));
const isImmutable = 'Forbidden: field is immutable when `immutable` is set';

export function secretRules(candidate: Candidate): void {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.make(candidate);
  });

  it.each([
    ['certificate', 'tls.crt', { 'tls.key': 'y' }],
    ['key', 'tls.key', { 'tls.crt': 'x' }],
  ])('for TLS is not valid without a %s', async (_, missing, texts) => {
    const error = invalidBecause(`data[${missing}]`, 'Required', 'Required value');
    expect(await refused(bench.create(secrets, 'half', { ...data(texts), type: tls }))).toMatchObject(error);
    expect(await refused(bench.secret('half', 'one', { ...data(texts), type: tls }))).toMatchObject(error);
    await bench.secret(`whole-${missing}`, 'one', { ...data({ 'tls.crt': 'x', 'tls.key': '' }), type: tls });
    const patch = { data: { [missing]: null } };
    expect(await refused(bench.patch(secrets, `whole-${missing}`, patch))).toMatchObject(error);
    expect(await refused(bench.secret(`whole-${missing}`, 'one', { ...data(texts), type: tls }))).toMatchObject(error);
  });

  it('for TLS without anything lacks both', async () => {
    expect(await refused(bench.create(secrets, 'nothing', { type: tls }))).toMatchObject({
      status: 422,
      reason: 'Invalid',
      causes: [{ field: 'data[tls.crt]' }, { field: 'data[tls.key]' }],
    });
  });

  it('keeps its type', async () => {
    const texts = data({ 'tls.crt': 'x', 'tls.key': 'y' });
    await bench.secret('typed', 'one', { ...texts, type: tls });
    expect(await refused(bench.patch(secrets, 'typed', { type: 'Opaque' }))).toMatchObject(typeIsImmutable);
    expect(await refused(bench.secret('typed', 'one', { ...texts, type: 'Opaque' }, true))).toMatchObject(
      typeIsImmutable,
    );
    // Without its type it would be an Opaque one.
    expect(await refused(bench.secret('typed', 'one', texts))).toMatchObject(typeIsImmutable);
    await bench.create(secrets, 'opaque', texts);
    const asTls = await refused(bench.secret('opaque', 'one', { ...texts, type: tls }, true));
    expect(asTls).toMatchObject(typeIsImmutable);
    expect(asTls.message).toMatch(/immutable/);
  });

  it('that is immutable keeps its data, and stays immutable', async () => {
    await bench.secret('stone', 'one', { ...data({ 'tls.crt': 'x', 'tls.key': 'y' }), type: tls });
    await bench.patch(secrets, 'stone', { immutable: true });
    const write = { ...data({ 'tls.crt': 'z', 'tls.key': 'y' }), type: tls };
    const dataError = invalidBecause('data', 'Forbidden', isImmutable);
    expect(await refused(bench.secret('stone', 'one', write))).toMatchObject(dataError);
    expect(await refused(bench.secret('stone', 'two', write, true))).toMatchObject(dataError);
    expect(await refused(bench.patch(secrets, 'stone', data({ more: 'x' })))).toMatchObject(dataError);
    const unset = invalidBecause('immutable', 'Forbidden', isImmutable);
    for (const immutable of [false, null]) {
      expect(await refused(bench.patch(secrets, 'stone', { immutable }))).toMatchObject(unset);
    }
    expect(await bench.patch(secrets, 'stone', { metadata: { labels: { a: 'x' } } })).toMatchObject({
      immutable: true,
    });
    await bench.delete(secrets, 'stone');
    await bench.secret('stone', 'one', write);
  });

  it('holds at most a mebibyte', async () => {
    const most = 1024 * 1024;
    expect(await refused(bench.create(secrets, 'large', data({ key: 'x'.repeat(most + 1) })))).toMatchObject(
      invalidBecause('data', 'TooLong', 'Too long: may not be more than 1048576 bytes'),
    );
    const large = await bench.create(secrets, 'large', data({ key: 'x'.repeat(most) }));
    expect(large.data?.['key']).toBe(base64('x'.repeat(most)));
  });
}
