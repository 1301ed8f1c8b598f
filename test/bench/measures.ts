import type { Requests } from '../support/requests.ts';

type Unit = 's' | 'ms' | 'MiB' | '%' | '';

/** Everything that a scenario may measure, in the order of the tables. */
export const measures = {
  createdS: { title: 'last object created after', unit: 's' },
  ready50S: { title: '50 % Ready after', unit: 's' },
  ready95S: { title: '95 % Ready after', unit: 's' },
  ready100S: { title: '100 % Ready after', unit: 's' },
  floorProviderS: { title: 'floor of the provider', unit: 's' },
  floorApiS: { title: 'floor of the API server', unit: 's' },
  floorCreationS: { title: 'creation of the objects alone', unit: 's' },
  floorRatio: { title: '100 % Ready / higher floor', unit: '' },
  sameS: { title: 'the same requests by a bare script', unit: 's' },
  sameScriptCpuMs: { title: '  CPU of the script per certificate', unit: 'ms' },
  sameApiServerCpuMs: { title: '  CPU of kube-apiserver per certificate', unit: 'ms' },
  sameRatio: { title: '100 % Ready / the same by a bare script', unit: '' },
  verifiedS: { title: 'at rest after the start', unit: 's' },
  pollWaitS: { title: 'renewal first listed after', unit: 's' },
  rotated50S: { title: '50 % of the Secrets after that', unit: 's' },
  rotated100S: { title: '100 % of the Secrets after that', unit: 's' },
  downloads: { title: 'provider: downloads', unit: '' },
  mostDownloads: { title: 'provider: most downloads of one certificate', unit: '' },
  lists: { title: 'provider: lists', unit: '' },
  limited: { title: 'provider: answers 429', unit: '' },
  limitedPercent: { title: 'provider: answers 429 among all', unit: '%' },
  maxInFlight: { title: 'provider: most calls at the same time', unit: '' },
  requests: { title: 'API requests', unit: '' },
  requestsPerCertificate: { title: 'API requests per certificate', unit: '' },
  writes: { title: 'API requests that write', unit: '' },
  cpuS: { title: 'operator: CPU', unit: 's' },
  cpuPerCertificateMs: { title: 'operator: CPU per certificate', unit: 'ms' },
  cpuPerMinuteS: { title: 'operator: CPU per minute', unit: 's' },
  rssMiB: { title: 'operator: memory at the end', unit: 'MiB' },
  peakRssMiB: { title: 'operator: most memory', unit: 'MiB' },
  rssRestartedMiB: { title: 'operator: memory after a restart', unit: 'MiB' },
  rssRestartedSpreadMiB: { title: '… which differed between restarts by', unit: 'MiB' },
  rssForeignMiB: { title: '… the same with the foreign Secrets', unit: 'MiB' },
  rssForeignSpreadMiB: { title: '… which differed between restarts by', unit: 'MiB' },
  rssGrowthMiB: { title: '… grown by, because of them', unit: 'MiB' },
  apiServerCpuS: { title: 'CPU of kube-apiserver', unit: 's' },
  providerCpuS: { title: 'CPU of the simulated cloud', unit: 's' },
  harnessCpuS: { title: 'CPU of the harness', unit: 's' },
  otherCpuS: { title: 'CPU of all else (etcd, and what disturbs)', unit: 's' },
} as const satisfies Record<string, { title: string; unit: Unit }>;

export type Values = { [Name in keyof typeof measures]?: number };

/** What was measured of one subject at one size. */
export interface Run {
  subject: string;
  /** How many certificates. */
  n: number;
  /** What else tells it from other runs of the scenario. */
  note?: string;
  values: Values;
  /** Of the subject to the API server. */
  requests: Requests;
}

/** The value below which this share of the values is; the largest for a share of 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

export function formatted(value: number | undefined, unit: Unit): string {
  if (value === undefined) return '';
  const digits = unit === 's' ? 2 : unit === '' && Number.isInteger(value) ? 0 : unit === '' ? 2 : 1;
  const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === '' ? text : `${text} ${unit}`;
}
