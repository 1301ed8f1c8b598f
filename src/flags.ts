import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import {
  isLogFormat,
  isLogLevel,
  type LogFormat,
  type LogLevel,
  logFormats,
  logLevels,
} from './observability/logger.ts';

export interface Flags {
  /** Path; absent: in-cluster, then the usual places. */
  kubeconfig?: string;
  /** Empty: all namespaces. */
  watchNamespaces: string[];
  concurrency: number;
  /** Whether CertificateUploads are served. */
  uploads: boolean;
  /** Absent: this is the only replica. */
  leaderElection?: {
    /** Absent: the one that this process belongs to. */
    namespace?: string;
    /** Name of the Lease. */
    id: string;
  };
  listenAddress: ListenAddress;
  /** `HOST[:PORT]`, `http://HOST[:PORT]` or `*`. */
  allowEndpoints: string[];
  logLevel: LogLevel;
  logFormat: LogFormat;
  version: boolean;
  help: boolean;
}

interface ListenAddress {
  /** Absent: all addresses. */
  host?: string;
  /** 0: any free port. */
  port: number;
}

export const usage = `Usage: operator [flags]

Keeps certificates of cloud certificate managers as kubernetes.io/tls Secrets.

  --kubeconfig FILE            how to reach the cluster (default: in-cluster, then the usual places)
  --watch-namespace NS         work in this namespace only; repeatable (default: all namespaces)
  --concurrency N              certificates worked on at the same time, 1 to 1024 (default: 64)
  --enable-uploads             serve CertificateUploads: upload Secrets to the clouds, and delete there what was uploaded
                               before; credentials then need the right to write
  --leader-elect               work only while holding a Lease, so that several replicas may run
  --leader-election-namespace NS
                               where the Lease is (default: the namespace of this process)
  --leader-election-id NAME    name of the Lease (default: provider-certificates)
  --listen-address [HOST]:PORT where /metrics, /healthz and /readyz are served (default: :8080)
  --allow-endpoint HOST[:PORT] a provider host to allow besides the built-in ones; repeatable. Over https; with
                               http://HOST[:PORT] over http; * allows every https host
  --log-level LEVEL            ${logLevels.join(', ')} (default: info)
  --log-format FORMAT          ${logFormats.join(', ')} (default: json)
  --version                    print the version
  --help                       print this text
`;

const options = {
  kubeconfig: { type: 'string' },
  'watch-namespace': { type: 'string', multiple: true, default: [] },
  concurrency: { type: 'string', default: '64' },
  'enable-uploads': { type: 'boolean', default: false },
  'leader-elect': { type: 'boolean', default: false },
  'leader-election-namespace': { type: 'string' },
  'leader-election-id': { type: 'string', default: 'provider-certificates' },
  'listen-address': { type: 'string', default: ':8080' },
  'allow-endpoint': { type: 'string', multiple: true, default: [] },
  'log-level': { type: 'string', default: 'info' },
  'log-format': { type: 'string', default: 'json' },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} satisfies ParseArgsOptionsConfig;

/** The command line, or one line that says what is wrong with it. */
export function parseFlags(args: readonly string[]): { value: Flags } | { message: string } {
  try {
    return { value: read(args) };
  } catch (error) {
    if (error instanceof FlagError) return { message: error.message };
    throw error;
  }
}

class FlagError extends Error {}

function read(args: readonly string[]): Flags {
  const values = split(args);
  const concurrency = Number(values.concurrency);
  if (!/^[0-9]+$/.test(values.concurrency) || concurrency < 1 || concurrency > 1024) {
    throw new FlagError(`--concurrency must be a number from 1 to 1024, not ${quoted(values.concurrency)}`);
  }
  const [logLevel, logFormat] = [values['log-level'], values['log-format']];
  if (!isLogLevel(logLevel)) {
    throw new FlagError(`--log-level must be one of ${logLevels.join(', ')}, not ${quoted(logLevel)}`);
  }
  if (!isLogFormat(logFormat)) {
    throw new FlagError(`--log-format must be one of ${logFormats.join(', ')}, not ${quoted(logFormat)}`);
  }
  if (values.kubeconfig === '') throw new FlagError('--kubeconfig must name a file');
  return {
    ...(values.kubeconfig !== undefined && { kubeconfig: values.kubeconfig }),
    watchNamespaces: values['watch-namespace'].map((value) => namespace('--watch-namespace', value)),
    concurrency,
    uploads: values['enable-uploads'],
    ...(values['leader-elect'] && { leaderElection: leaderElection(values) }),
    listenAddress: listenAddress(values['listen-address']),
    allowEndpoints: values['allow-endpoint'].map(allowedEndpoint),
    logLevel,
    logFormat,
    version: values.version,
    help: values.help,
  };
}

function split(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Node explains at length; its first sentence says what is wrong.
    throw new FlagError(`${error.message.split(/\.?\n|\. |\.$/)[0]}; --help lists the flags`);
  }
}

function namespace(flag: string, value: string): string {
  if (value.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value)) return value;
  throw new FlagError(`${flag} must be the name of a namespace, not ${quoted(value)}`);
}

function leaderElection({
  'leader-election-id': id,
  'leader-election-namespace': where,
}: ReturnType<typeof split>): NonNullable<Flags['leaderElection']> {
  if (id.length > 253 || !/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(id))
    throw new FlagError(`--leader-election-id must be a Kubernetes object name, not ${quoted(id)}`);
  return { id, ...(where !== undefined && { namespace: namespace('--leader-election-namespace', where) }) };
}

function listenAddress(value: string): ListenAddress {
  const { host, ipv6, port } =
    /^(?:(?<host>[^:[\]]+)|\[(?<ipv6>[0-9a-fA-F:.]+)\])?:(?<port>[0-9]{1,5})$/.exec(value)?.groups ?? {};
  if (port === undefined || Number(port) > 65_535) {
    throw new FlagError(`--listen-address must be [HOST]:PORT such as :8080 or 127.0.0.1:8080, not ${quoted(value)}`);
  }
  const address = host ?? ipv6;
  return { ...(address !== undefined && { host: address }), port: Number(port) };
}

function allowedEndpoint(value: string): string {
  const [, host = '', port = ''] =
    /^(?:http:\/\/)?(\[[0-9a-f:.]+\]|[^\s/:?#@\\[\]%*]+)(:[0-9]{1,5})?$/i.exec(value) ?? [];
  if (value === '*' || URL.canParse(`https://${host}${port}`)) return value;
  throw new FlagError(`--allow-endpoint must be HOST[:PORT], http://HOST[:PORT] or *, not ${quoted(value)}`);
}

/** A value from the command line on one line, however strange. */
const quoted = (value: string): string => JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value);
