import { describe, expect, it } from 'vitest';
import { Metrics } from '../../../src/observability/metrics.ts';

const sample = {
  depth: 3,
  oldest: 1_500,
  restarts: 2,
  leading: false,
  states: [
    { kind: 'CertificateProvider', namespace: 'team', name: 'nhn', ready: false },
    { kind: 'ClusterCertificateProvider', name: 'nhn', ready: true, lastSuccess: 5_000 },
  ],
  traffic: [{ provider: 'nhn', inFlight: 3, inFlightLimit: 8 }],
};
const make = (): Metrics =>
  new Metrics({
    version: '1.2.3',
    queue: {
      get depth() {
        return sample.depth;
      },
      oldestDueMs: () => sample.oldest,
    },
    watchRestarts: () => sample.restarts,
    leading: () => sample.leading,
    providers: () => sample,
  });

/** The samples of a scrape whose lines begin with our prefix and `name`. */
async function samples(metrics: Metrics, name: string): Promise<string[]> {
  const { text } = await metrics.scrape();
  const prefix = `provider_certificates_${name}`;
  return text
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice('provider_certificates_'.length));
}

const web = { namespace: 'team', name: 'web' };
const api = { namespace: 'team', name: 'api' };
const ready = { type: 'Ready', status: 'True', reason: 'Valid' } as const;
const expiring = { type: 'Expiring', status: 'False', reason: 'NotExpiring' } as const;
const synced = { type: 'Synced', status: 'True', reason: 'Synced' } as const;

describe('Metrics', () => {
  it('tells the build', async () => {
    expect(await samples(make(), 'build_info')).toEqual([`build_info{version="1.2.3",node="${process.version}"} 1`]);
  });

  it('reads queue and watches at each scrape', async () => {
    const metrics = make();
    await metrics.scrape();
    Object.assign(sample, { depth: 7, oldest: 2_500, restarts: 5, leading: true });
    expect(await samples(metrics, 'w')).toEqual([
      'workqueue_depth 7',
      'workqueue_oldest_seconds 2.5',
      'watch_restarts_total 5',
    ]);
    expect((await metrics.scrape()).text).toContain('# TYPE provider_certificates_watch_restarts_total counter');
  });

  it('says nothing of the queue of a replica that waits: nobody takes from it', async () => {
    Object.assign(sample, { depth: 7, oldest: 2_500, leading: false });
    expect(await samples(make(), 'workqueue')).toEqual(['workqueue_depth 0', 'workqueue_oldest_seconds 0']);
  });

  it('counts reconciles and calls to providers, in seconds', async () => {
    const metrics = make();
    metrics.reconciled('success', 20);
    metrics.reconciled('success', 40);
    metrics.reconciled('error', 1_000);
    metrics.providerRequested({ provider: 'nhn', operation: 'list', code: '200', durationMs: 300 });
    metrics.providerRequested({ provider: 'nhn', operation: 'download', code: 'timeout', durationMs: 20_000 });
    expect(await samples(metrics, 'reconcile_total')).toEqual([
      'reconcile_total{result="success"} 2',
      'reconcile_total{result="error"} 1',
    ]);
    expect(await samples(metrics, 'reconcile_duration_seconds_sum')).toEqual(['reconcile_duration_seconds_sum 1.06']);
    expect(await samples(metrics, 'provider_requests_total')).toEqual([
      'provider_requests_total{provider="nhn",operation="list",code="200"} 1',
      'provider_requests_total{provider="nhn",operation="download",code="timeout"} 1',
    ]);
    expect(await samples(metrics, 'provider_request_duration_seconds_sum')).toEqual([
      'provider_request_duration_seconds_sum{provider="nhn",operation="list"} 0.3',
      'provider_request_duration_seconds_sum{provider="nhn",operation="download"} 20',
    ]);
  });

  it('shows a certificate: its dates, why it is as it is, and each condition under every status', async () => {
    const metrics = make();
    metrics.setCertificate(web, {
      conditions: [ready, synced],
      notBefore: 1_000,
      notAfter: 2_000,
      lastSuccess: 3_000,
      renewedElsewhere: true,
    });
    expect(await samples(metrics, 'certificate_')).toEqual([
      'certificate_expiration_timestamp_seconds{namespace="team",name="web"} 2',
      'certificate_not_before_timestamp_seconds{namespace="team",name="web"} 1',
      'certificate_last_success_timestamp_seconds{namespace="team",name="web"} 3',
      'certificate_renewed_elsewhere{namespace="team",name="web"} 1',
      'certificate_condition{namespace="team",name="web",condition="Ready",status="True"} 1',
      'certificate_condition{namespace="team",name="web",condition="Ready",status="False"} 0',
      'certificate_condition{namespace="team",name="web",condition="Ready",status="Unknown"} 0',
      'certificate_condition{namespace="team",name="web",condition="Synced",status="True"} 1',
      'certificate_condition{namespace="team",name="web",condition="Synced",status="False"} 0',
      'certificate_condition{namespace="team",name="web",condition="Synced",status="Unknown"} 0',
      'certificate_status_info{namespace="team",name="web",reason="Synced"} 1',
    ]);
  });

  it('follows a certificate: what it shows no more is gone', async () => {
    const metrics = make();
    const dates = { notBefore: 1_000, notAfter: 2_000, lastSuccess: 3_000 };
    metrics.setCertificate(web, { conditions: [ready, expiring, synced], ...dates, renewedElsewhere: true });
    const failed = { type: 'Synced', status: 'False', reason: 'KeyMismatch' } as const;
    metrics.setCertificate(web, { conditions: [failed] });
    expect(await samples(metrics, 'certificate_')).toEqual([
      'certificate_renewed_elsewhere{namespace="team",name="web"} 0',
      'certificate_condition{namespace="team",name="web",condition="Synced",status="True"} 0',
      'certificate_condition{namespace="team",name="web",condition="Synced",status="False"} 1',
      'certificate_condition{namespace="team",name="web",condition="Synced",status="Unknown"} 0',
      'certificate_status_info{namespace="team",name="web",reason="KeyMismatch"} 1',
    ]);
  });

  it('forgets a certificate, and that one alone', async () => {
    const metrics = make();
    for (const name of [web, api]) {
      metrics.setCertificate(name, { conditions: [ready, synced], notBefore: 1_000, notAfter: 2_000 });
    }
    metrics.removeCertificate(web);
    const left = await samples(metrics, 'certificate_');
    expect(left.filter((line) => line.includes('name="web"'))).toEqual([]);
    expect(left.filter((line) => line.includes('name="api"'))).toHaveLength(10);
    metrics.removeCertificate(web);
    metrics.removeCertificate(api);
    expect(await samples(metrics, 'certificate_')).toEqual([]);
  });

  it('reads providers at each scrape', async () => {
    const metrics = make();
    expect(await samples(metrics, 'provider_')).toEqual([
      'provider_ready{kind="CertificateProvider",namespace="team",name="nhn"} 0',
      'provider_ready{kind="ClusterCertificateProvider",namespace="",name="nhn"} 1',
      'provider_last_success_timestamp_seconds{kind="ClusterCertificateProvider",namespace="",name="nhn"} 5',
      'provider_in_flight{provider="nhn"} 3',
      'provider_in_flight_limit{provider="nhn"} 8',
    ]);
    sample.states.shift();
    expect(await samples(metrics, 'provider_ready')).toHaveLength(1);
  });

  it('tells whether this replica leads', async () => {
    const metrics = make();
    expect(await samples(metrics, 'leader')).toEqual(['leader 0']);
    sample.leading = true;
    expect(await samples(metrics, 'leader')).toEqual(['leader 1']);
  });

  it('counts defects apart, and tells how far the clocks are apart', async () => {
    const metrics = make();
    for (const result of ['panic', 'error', 'panic']) metrics.reconciled(result, 1);
    expect(await samples(metrics, 'reconcile_panics_total')).toEqual(['reconcile_panics_total 2']);
    const call = { provider: 'scp', operation: 'list', code: '401', durationMs: 1 };
    metrics.providerRequested({ ...call, clockSkewMs: -90_000 });
    metrics.providerRequested(call);
    expect(await samples(metrics, 'clock_skew_seconds')).toEqual(['clock_skew_seconds{provider="scp"} -90']);
  });

  it('brings the usual ones of a process along', async () => {
    expect((await make().scrape()).text).toMatch(/^process_resident_memory_bytes \d+/m);
  });

  it('several do not share anything', async () => {
    const [first, second] = [make(), make()];
    first.reconciled('success', 1);
    expect(await samples(second, 'reconcile_total')).toEqual([]);
  });
});
