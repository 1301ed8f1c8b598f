import { expect, test } from 'vitest';
import { signed } from '../../../src/providers/naver/sign.ts';

const credentials = { accessKey: 'NCPTESTACCESSKEY0001', secretKey: 'ncp-test-secret-key-0001' };
const now = 1_764_000_000_000;
const signature = (method: string, path: string): string | undefined =>
  signed(credentials, { method, path, now })['x-ncp-apigw-signature-v2'];

/** Computed with Python's hmac, independently of this code (providers.md 2.2). */
test.each([
  ['N1', 'GET', '/api/v1/certificates', 'sMKU2VJGxMQHe0n5PvsHM6RJ0Id3kMweM7UvwELbD74='],
  ['N2', 'GET', '/api/v1/certificates?certificateNo=65655', 'PjGdo3eba7Kd/n3BJ2h1RcIZWmTRFP2aVyC04uqKpA0='],
  ['N3', 'GET', '/api/v1/certificates?certificateName=test0708-03', 'Fx1Gz/aJm4KXM6dW7v4yvYO2QrtzkLp+fXKFLMB+TRQ='],
  ['N4', 'POST', '/api/v2/certificate/exportCertificate/12345', '7fEGlvPGTeGz+hYVkeITuzilAoN/yNF5+dXSubw0MVg='],
  ['N5', 'GET', '/api/v2/certificate/exportCertificate/12345/chain', 'BtrV3CyF38aD4pqlkMxvvCKsjlRbA5gzONFs9lqyIkQ='],
  ['N6', 'GET', '/api/v2/certificate/certificates?page=1&pageSize=100', 'ueE95ezstRjXv5FozsLgfkMya4rg1M8BWMr4RpzzraY='],
])('vector %s: %s %s', (_, method, path, expected) => {
  expect(signature(method, path)).toBe(expected);
});

test('no line feed ends what is signed', () => {
  expect(signature('GET', '/api/v1/certificates')).not.toBe('oG1bVtXxSgb4cu4CyKfECvxEUDJqkEI1aHAdwvqCUPM=');
});

test('time and access key go with it, and the secret key does not', () => {
  const headers = signed(credentials, { method: 'GET', path: '/api/v1/certificates', now });
  expect(headers).toEqual({
    'x-ncp-apigw-timestamp': '1764000000000',
    'x-ncp-iam-access-key': 'NCPTESTACCESSKEY0001',
    'x-ncp-apigw-signature-v2': 'sMKU2VJGxMQHe0n5PvsHM6RJ0Id3kMweM7UvwELbD74=',
  });
});
