/** Wiring only: flags, logger, client, operator. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ProviderCertificateStatus } from './api/certificate.ts';
import { systemClock as clock } from './clock.ts';
import { type Flags, parseFlags, usage } from './flags.ts';
import { KubeClient } from './kube/client.ts';
import { loadConnection } from './kube/config.ts';
import { Lease } from './kube/lease.ts';
import { Transport } from './kube/transport.ts';
import { createLogger } from './observability/logger.ts';
import { type CertificateState, Metrics } from './observability/metrics.ts';
import { serveStatus } from './observability/server.ts';
import { Endpoints } from './providers/endpoints.ts';
import { proxyFrom } from './providers/proxy.ts';
import { Operator, type OperatorObserver } from './sync/operator.ts';
import { isRenewedElsewhere } from './sync/readiness.ts';

/** Put in by the build. */
declare const OPERATOR_VERSION: string;
const version = typeof OPERATOR_VERSION === 'string' ? OPERATOR_VERSION : 'unbuilt';

async function main(flags: Flags): Promise<void> {
  const logger = createLogger({ level: flags.logLevel, format: flags.logFormat });
  const crash = (err: unknown): void => {
    logger.fatal({ err }, 'an unexpected error ends the process');
    process.exit(1);
  };
  process.on('uncaughtException', crash).on('unhandledRejection', crash);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

  const endpoints = new Endpoints(flags.allowEndpoints);
  if (endpoints.unrestricted)
    logger.warn('--allow-endpoint * lets everybody who may create a provider send requests to any https host');
  const userAgent = `provider-certificates/${version}`;
  const connection = loadConnection({ kubeconfig: flags.kubeconfig, logger, clock });
  const client = new KubeClient(new Transport(connection, { clock, logger, userAgent }), { clock });
  const { leaderElection } = flags;
  const operator = new Operator({
    client,
    clock,
    logger,
    endpoints,
    proxy: proxyFrom(process.env),
    watchNamespaces: flags.watchNamespaces,
    concurrency: flags.concurrency,
    uploads: flags.uploads,
    instance: hostname(),
    lease:
      leaderElection &&
      new Lease({
        client,
        clock,
        logger,
        namespace: leaderElection.namespace ?? connection.namespace,
        name: leaderElection.id,
        identity: `${hostname()}_${randomUUID()}`,
      }),
    onLeaseLost: (err) => {
      logger.fatal({ err }, 'the lease is lost: the process ends at once, with what is in flight');
      process.exit(1);
    },
    observer: observerOf(() => metrics),
  });
  const metrics = new Metrics({
    version,
    queue: operator.queues.certificate,
    watchRestarts: () => operator.watchRestarts,
    leading: () => operator.leading,
    providers: () => {
      const { states, traffic } = operator.providers;
      return {
        states,
        traffic: traffic.map(({ provider, ...rest }) => ({ provider: provider.toLowerCase(), ...rest })),
      };
    },
  });
  const server = await serveStatus({
    ...flags.listenAddress,
    logger,
    metrics: () => metrics.scrape(),
    ready: () => (operator.ready ? undefined : 'the caches are not complete yet'),
    live: () => operator.stalled,
  });
  logger.info({ version, node: process.version, server: connection.server.href }, 'provider-certificates starts');
  await operator.run(stop.signal).catch(crash); // the status server would keep the process alive
  await Promise.all([server.close(), connection.close()]);
  logger.info('stopped');
}

/** Turns what the operator tells into metrics. */
function observerOf(metrics: () => Metrics): OperatorObserver {
  return {
    reconciled: ({ outcome, durationMs }) => metrics().reconciled(outcome, durationMs),
    providerCalled: (call) => metrics().providerRequested({ ...call, provider: call.provider.toLowerCase() }),
    certificate(key, status) {
      const [namespace = '', name = ''] = key.split('/');
      if (status === undefined) metrics().removeCertificate({ namespace, name });
      else metrics().setCertificate({ namespace, name }, stateOf(status));
    },
  };
}

function stateOf({ conditions = [], certificate, remote, lastSyncTime }: ProviderCertificateStatus): CertificateState {
  const time = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
  const [notBefore, notAfter, lastSuccess] = [certificate?.notBefore, certificate?.notAfter, lastSyncTime].map(time);
  const renewedElsewhere = notAfter !== undefined && isRenewedElsewhere(notAfter, remote?.notAfter);
  return { conditions, notBefore, notAfter, lastSuccess, renewedElsewhere };
}

const parsed = parseFlags(process.argv.slice(2));
if ('message' in parsed) {
  process.stderr.write(`${parsed.message}\n`);
  process.exitCode = 2;
} else if (parsed.value.help || parsed.value.version) {
  process.stdout.write(parsed.value.help ? usage : `${version}\n`);
} else {
  try {
    await main(parsed.value);
    process.exit(); // a connection that is being made cannot be ended otherwise, and nothing else is left
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
