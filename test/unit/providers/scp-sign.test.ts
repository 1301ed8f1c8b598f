import { describe, expect, test } from 'vitest';
import { signed } from '../../../src/providers/scp/sign.ts';

const credentials = { accessKey: 'SCPTESTACCESSKEY0001', secretKey: 'scp-test-secret-key-0001' };
const now = 1_764_000_000_000;

const list = 'https://certificatemanager.kr-west1.e.samsungsdscloud.com/v1/certificatemanager';
const one = `${list}/0fdd87aab8cb46f59b7c1f81ed03fb3e`;
const byCommonName = `${list}?size=20&page=0&sort=created_at%3Adesc&cn=%2A.example.com`;

/** The vectors of providers.md 1.2, which Python's `hmac` and Node's `crypto` gave alike. */
describe('the signature', () => {
  test.each([
    ['S1', 'GET', one, '5orjUrNWSPI7YFvtBZv60OMlHqqu6TxSUqLH+IX2ZQA='],
    [
      'S2',
      'GET',
      `${list}?size=20&page=0&name=test-certificate&state=VALID`,
      'ZnVhruAxaIqjZqYCAKmj8MTEaOeULBri+sHgZOe5hqI=',
    ],
    ['S3', 'GET', byCommonName, 'vPoN/JEbZfXpMN1tQthKCrqQv05fzx5Qln1VFHCpciM='],
    [
      'S4',
      'POST',
      'https://certificatemanager.kr-south1.g.samsungsdscloud.com/v1/certificatemanager/check-duplication',
      'QJdD2PyQW8gUaxSxqci56Mpytu+6+2EYqD+9rkqZ3ig=',
    ],
  ])('%s', (_, method, url, signature) => {
    expect(signed(credentials, { method, url, now })).toEqual({
      'scp-accesskey': credentials.accessKey,
      'scp-signature': signature,
      'scp-timestamp': '1764000000000',
      'scp-clienttype': 'Openapi',
    });
  });

  test.each([
    ['of a URL that is encoded once more', byCommonName, '27kIHcuKbotn252cVlCnNKiDbJPxuv58c6edR1Kfo8Q='],
    ['of the path alone', byCommonName, '907kOu7/nh06LygybqqOFhxlhCVGzbrC54LogZwpHOA='],
    ['with an account id in it', one, 'xVb1f3XIBxuuNuUJDXW+GJAv0R4bhh8Uow4XO2BymBE='],
  ])('is not that %s', (_, url, wrong) => {
    expect(signed(credentials, { method: 'GET', url, now })['scp-signature']).not.toBe(wrong);
  });

  /** So that each negative vector is what it is said to be, and not just any other text. */
  test.each([
    [
      'encoded once more',
      { url: encodeURI(byCommonName), accessKey: '' },
      '27kIHcuKbotn252cVlCnNKiDbJPxuv58c6edR1Kfo8Q=',
    ],
    [
      'the path alone',
      { url: byCommonName.slice(new URL(list).origin.length), accessKey: '' },
      '907kOu7/nh06LygybqqOFhxlhCVGzbrC54LogZwpHOA=',
    ],
    [
      'with an account id',
      { url: one, accessKey: 'b82909b3576449fda984fb25c3123542da' },
      'xVb1f3XIBxuuNuUJDXW+GJAv0R4bhh8Uow4XO2BymBE=',
    ],
  ])('would be the wrong one for a URL %s', (_, { url, accessKey: accountId }, wrong) => {
    const accessKey = credentials.accessKey + accountId;
    expect(signed({ ...credentials, accessKey }, { method: 'GET', url, now })['scp-signature']).toBe(wrong);
  });

  test('changes with the time', () => {
    const at = (now: number): string | undefined =>
      signed(credentials, { method: 'GET', url: one, now })['scp-signature'];
    expect(at(now + 1)).not.toBe(at(now));
  });
});
