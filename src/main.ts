/** Wiring only: flags, logger, client, operator. */
import { hostname } from 'node:os';
import type { ProviderCertificateStatus } from './api/certificate.ts';
import { systemClock as clock } from './clock.ts';
import { type Flags, parseFlags, usage } from './flags.ts';
import { KubeClient } from './kube/client.ts';
import { loadConnection } from './kube/config.ts';
import { Transport } from './kube/transport.ts';
import { createLogger } from './observability/logger.ts';
import { Metrics } from './observability/metrics.ts';
import { serveStatus } from './observability/server.ts';
import { Endpoints } from './providers/endpoints.ts';
import { proxyFrom } from './providers/proxy.ts';
import { Operator, type OperatorObserver } from './sync/operator.ts';

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
  const operator = new Operator({
    client: new KubeClient(new Transport(connection, { clock, logger, userAgent }), { clock }),
    clock,
    logger,
    endpoints,
    proxy: proxyFrom(process.env),
    watchNamespaces: flags.watchNamespaces,
    concurrency: flags.concurrency,
    instance: hostname(),
    observer: observerOf(() => metrics),
  });
  const { certificate: queue } = operator.queues;
  const metrics = new Metrics({ version, queue, watchRestarts: () => operator.watchRestarts });
  const server = await serveStatus({
    ...flags.listenAddress,
    logger,
    metrics: () => metrics.scrape(),
    ready: () => (operator.ready ? undefined : 'the caches are not complete yet'),
    live: () => operator.stalled,
  });
  logger.info({ version, node: process.version, server: connection.server.href }, 'provider-certificates starts');
  await operator.run(stop.signal);
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
      else metrics().setCertificate({ namespace, name }, { conditions: status.conditions ?? [], ...datesOf(status) });
    },
    provider(key, status) {
      const [kind = '', ...rest] = key.split('/');
      const name = { kind, name: rest.at(-1) ?? '', namespace: rest.length > 1 ? rest[0] : undefined };
      if (status === undefined) metrics().removeProvider(name);
      else
        metrics().setProvider(
          name,
          status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
        );
    },
  };
}

function datesOf({ certificate }: ProviderCertificateStatus): { notBefore?: number; notAfter?: number } {
  if (certificate?.notBefore === undefined || certificate.notAfter === undefined) return {};
  return { notBefore: Date.parse(certificate.notBefore), notAfter: Date.parse(certificate.notAfter) };
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
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
