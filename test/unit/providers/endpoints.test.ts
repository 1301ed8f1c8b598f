import { describe, expect, test } from 'vitest';
import { Endpoints } from '../../../src/providers/endpoints.ts';
import { isLinkLocal } from '../../../src/providers/link-local.ts';

describe('the list of allowed endpoints', () => {
  test.each<[string[], string]>([
    [[], 'https://certmanager.api.nhncloudservice.com'],
    [[], 'https://certmanager.api.nhncloudservice.com/'],
    [[], 'https://certmanager.api.gov-nhncloudservice.com'],
    [['api.example.com'], 'https://api.example.com'],
    [['api.example.com'], 'https://api.example.com:8443'],
    [['api.example.com:8443'], 'https://api.example.com:8443'],
    [['api.example.com:443'], 'https://api.example.com'],
    [['API.Example.com'], 'https://api.example.com'],
    [['인증서.한국'], 'https://xn--2i4b99icyb.xn--3e0b707e'],
    [['127.0.0.1'], 'http://127.0.0.1:8080'],
    [['127.0.0.1'], 'https://127.0.0.1:8080'],
    [['127.0.0.1:8080'], 'http://127.0.0.1:8080'],
    [['localhost'], 'http://localhost:1'],
    [['[::1]:8080'], 'http://[::1]:8080'],
    [['http://proxy.example.com'], 'http://proxy.example.com:3128'],
    [['http://proxy.example.com:80'], 'http://proxy.example.com'],
    [['*'], 'https://anything.example.org:444'],
  ])('%j allows %s', (allow, endpoint) => {
    expect(new Endpoints(allow).check(endpoint)).toBeUndefined();
  });

  test.each<[string[], string, RegExp]>([
    [[], 'http://certmanager.api.nhncloudservice.com', /not allowed/],
    [[], 'https://certmanager.api.nhncloudservice.com.', /not allowed/],
    [[], 'https://certmanager.api.nhncloudservice.com.evil.example', /not allowed/],
    [[], 'https://evil.example', /--allow-endpoint evil.example/],
    [[], 'http://127.0.0.1:8080', /not allowed/],
    [['api.example.com'], 'http://api.example.com', /plain http; .* http:\/\/api.example.com/],
    [['api.example.com:8443'], 'https://api.example.com', /not allowed/],
    [['api.example.com'], 'https://sub.api.example.com', /not allowed/],
    [['http://proxy.example.com'], 'https://proxy.example.com', /not allowed/],
    [['*'], 'http://anything.example.org', /plain http/],
    [['*'], 'https://169.254.169.254', /link-local/],
    [['169.254.169.254'], 'https://0xa9fea9fe', /link-local/],
    [['*'], 'https://[::ffff:169.254.169.254]', /link-local/],
    [['*'], 'https://[fe80::1]', /link-local/],
    [['*'], 'ftp://host', /must be an origin/],
    [['*'], 'https://host/path', /must be an origin/],
    [['*'], 'https://user@host', /must be an origin/],
    [['*'], 'https://user:password@host', /must be an origin/],
    [['*'], 'https://host?query', /must be an origin/],
    [['*'], 'https://host#fragment', /must be an origin/],
    [['*'], 'https:host', /must be an origin/],
    [['*'], 'https:\\\\host', /must be an origin/],
    [['*'], 'https://ho\nst', /must be an origin/],
    [['*'], 'https://host:99999', /must be an origin/],
    [['*'], '', /must be an origin/],
  ])('%j refuses %j', (allow, endpoint, message) => {
    expect(new Endpoints(allow).check(endpoint)).toMatch(message);
  });

  test.each([
    '',
    'https://host',
    'host/path',
    'host:port',
    'host:99999',
    '*.example.com',
    'a b',
    'user@host',
    '[::1',
    'http://',
    'http://*',
  ])('the flag value %j is refused with a line that names it', (value) => {
    expect(() => new Endpoints([value])).toThrow(
      `--allow-endpoint "${value}" is none of HOST[:PORT], http://HOST[:PORT] and *`,
    );
  });

  test('only * is unrestricted', () => {
    expect(new Endpoints(['*']).unrestricted).toBe(true);
    expect(new Endpoints(['host']).unrestricted).toBe(false);
  });
});

test.each([
  ['169.254.0.1', true],
  ['169.254.255.255', true],
  ['::ffff:169.254.169.254', true],
  ['::ffff:a9fe:a9fe', true],
  ['::a9fe:a9fe', true],
  ['64:ff9b::a9fe:a9fe', true],
  ['fe80::1', true],
  ['fe80::1%eth0', true],
  ['febf:ffff::', true],
  ['169.253.0.1', false],
  ['127.0.0.1', false],
  ['::1', false],
  ['::ffff:127.0.0.1', false],
  ['fec0::1', false],
  ['host.example', false],
])('isLinkLocal(%s) is %s', (address, expected) => {
  expect(isLinkLocal(address)).toBe(expected);
});
