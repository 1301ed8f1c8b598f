import type { Facts } from '../../../src/certificate/facts.ts';

/** Of a certificate like any other. */
export const facts: Facts = {
  commonName: 'www',
  dnsNames: ['www'],
  issuer: 'CN=CA',
  serialNumber: '01',
  fingerprintSHA256: 'AA',
  notBefore: 0,
  notAfter: 1,
  keyAlgorithm: 'P-256',
  chainLength: 2,
};
