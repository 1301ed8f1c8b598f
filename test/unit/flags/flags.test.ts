import { describe, expect, it } from 'vitest';
import { parseFlags, usage } from '../../../src/flags.ts';

describe('parseFlags', () => {
  it('has a default for everything', () => {
    expect(parseFlags([])).toEqual({
      value: {
        watchNamespaces: [],
        concurrency: 64,
        uploads: false,
        listenAddress: { port: 8080 },
        allowEndpoints: [],
        logLevel: 'info',
        logFormat: 'json',
        version: false,
        help: false,
      },
    });
  });

  it('reads every flag', () => {
    const args =
      '--kubeconfig /k --watch-namespace a --watch-namespace=b --concurrency 8 --enable-uploads --leader-elect --leader-election-namespace c --leader-election-id d --listen-address 127.0.0.1:0 --allow-endpoint host:443 --allow-endpoint * --log-level debug --log-format pretty --version --help';
    expect(parseFlags(args.split(' '))).toEqual({
      value: {
        kubeconfig: '/k',
        watchNamespaces: ['a', 'b'],
        concurrency: 8,
        uploads: true,
        leaderElection: { namespace: 'c', id: 'd' },
        listenAddress: { host: '127.0.0.1', port: 0 },
        allowEndpoints: ['host:443', '*'],
        logLevel: 'debug',
        logFormat: 'pretty',
        version: true,
        help: true,
      },
    });
  });

  it('elects a leader only when asked to, with a name for the Lease', () => {
    expect(parseFlags(['--leader-election-id', 'x'])).not.toHaveProperty('value.leaderElection');
    expect(parseFlags(['--leader-elect'])).toMatchObject({
      value: { leaderElection: { id: 'provider-certificates' } },
    });
  });

  it.each([
    [':8080', { port: 8080 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['[::1]:0', { host: '::1', port: 0 }],
  ])('listens on %s', (address, listenAddress) => {
    expect(parseFlags(['--listen-address', address])).toMatchObject({ value: { listenAddress } });
  });

  it.each(['host', 'host.example:8443', '10.0.0.1', '[::1]:443', 'http://host', 'http://127.0.0.1:80', '*'])(
    'allows the endpoint %s',
    (endpoint) => {
      expect(parseFlags(['--allow-endpoint', endpoint])).toMatchObject({ value: { allowEndpoints: [endpoint] } });
    },
  );

  it.each([
    ['--unknown', "Unknown option '--unknown'; --help lists the flags"],
    ['--unknown=with. dots', "Unknown option '--unknown'; --help lists the flags"],
    ['-x', "Unknown option '-x'; --help lists the flags"],
    ['argument', "Unexpected argument 'argument'"],
    ['--kubeconfig', "Option '--kubeconfig <value>' argument missing; --help lists the flags"],
    ['--kubeconfig=', '--kubeconfig must name a file'],
    ['--leader-elect --leader-election-id=A_b', '--leader-election-id must be a Kubernetes object name, not "A_b"'],
    [
      '--leader-elect --leader-election-namespace=A',
      '--leader-election-namespace must be the name of a namespace, not "A"',
    ],
    ['--version=yes', "Option '--version' does not take an argument; --help lists the flags"],
    ['--concurrency=0', '--concurrency must be a number from 1 to 1024, not "0"'],
    ['--concurrency=1025', '--concurrency must be'],
    ['--concurrency=1e3', '--concurrency must be'],
    ['--concurrency= 8', '--concurrency must be'],
    ['--listen-address=8080', '--listen-address must be [HOST]:PORT'],
    ['--listen-address=:65536', '--listen-address must be [HOST]:PORT'],
    ['--listen-address=::1:80', '--listen-address must be [HOST]:PORT'],
    ['--watch-namespace=', '--watch-namespace must be the name of a namespace, not ""'],
    ['--watch-namespace=A', '--watch-namespace must be'],
    ['--watch-namespace=a,b', '--watch-namespace must be'],
    ['--allow-endpoint=', '--allow-endpoint must be HOST[:PORT], http://HOST[:PORT] or *, not ""'],
    ['--allow-endpoint=https://host', '--allow-endpoint must be'],
    ['--allow-endpoint=host/path', '--allow-endpoint must be'],
    ['--allow-endpoint=*.example.com', '--allow-endpoint must be'],
    ['--allow-endpoint=host:65536', '--allow-endpoint must be'],
    ['--allow-endpoint=user@host', '--allow-endpoint must be'],
    ['--allow-endpoint=::1', '--allow-endpoint must be'],
    ['--log-level=verbose', '--log-level must be one of trace, debug, info, warn, error, not "verbose"'],
    ['--log-format=text', '--log-format must be one of json, pretty, not "text"'],
    ['--log-level=two\nlines', '--log-level must be one of trace, debug, info, warn, error, not "two\\nlines"'],
  ])('refuses %j in one line', (arg, message) => {
    const parsed = parseFlags(arg.startsWith('--leader-elect ') ? arg.split(' ') : [arg]);
    expect(parsed).toEqual({ message: expect.stringContaining(message) });
    expect(parsed).toEqual({ message: expect.stringMatching(/^[^\n]+$/) });
  });

  it('explains every flag', () => {
    const all = parseFlags(['--help']);
    expect(all).toHaveProperty('value');
    const explained = [...usage.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag);
    expect(explained).toEqual(
      'kubeconfig watch-namespace concurrency enable-uploads leader-elect leader-election-namespace leader-election-id listen-address allow-endpoint log-level log-format version help'.split(
        ' ',
      ),
    );
  });
});
