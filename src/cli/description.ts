import { readyReasons, syncedReasons } from '../api/reasons.ts';
import type { InventoryEntry } from '../providers/inventory.ts';
import { conditionOf, endOf, providerOf, readiness, remoteOf, type Stored } from './certificates.ts';
import { roughly } from './duration.ts';
import { type Cell, fields, type Layout, line, type Style } from './text.ts';

const todos: Readonly<Record<'Ready' | 'Synced', Readonly<Record<string, { todo: string } | undefined>>>> = {
  Ready: readyReasons,
  Synced: syncedReasons,
};

/** All that the status of a ProviderCertificate says, for people, and what to do about it. */
export function describeCertificate(object: Stored, { now, layout }: { now: number; layout: Layout }): string {
  const { metadata, status } = object;
  const unbounded = { ...layout, width: undefined };
  const ready = readiness(object);
  const part = (title: string, values: Parameters<typeof fields>[0]): string => {
    const text = fields(values, unbounded, '    ');
    return text === '' ? '' : line(`  ${title}`, 'bold', unbounded) + text;
  };
  return [
    line(`${metadata.namespace}/${metadata.name}`, 'bold', unbounded),
    ready === 'Unknown' ? line('  The operator has not looked at this spec yet.', 'yellow', unbounded) : '',
    fields(
      [
        ...(['Ready', 'Synced', 'Expiring'] as const).map((type) => [type, conditionCell(object, type)] as const),
        ['To do', advice(object)],
        ['Provider', providerOf(object)],
        ['Remote', remoteOf(object)],
        ['Secret', status?.secretName],
        ['Suspended', object.spec?.suspend === true ? 'yes' : undefined],
        ['Last synced', ago(status?.lastSyncTime, now)],
        ['Last checked', ago(status?.lastCheckTime, now)],
      ],
      unbounded,
    ),
    part('Certificate in the Secret', [
      ['common name', status?.certificate?.commonName],
      ['DNS names', status?.certificate?.dnsNames?.join(', ')],
      ['issuer', status?.certificate?.issuer],
      ['serial number', status?.certificate?.serialNumber],
      ['SHA-256', status?.certificate?.fingerprintSHA256],
      ['valid', validity(object, now)],
      ['key', status?.certificate?.keyAlgorithm],
      ['chain', status?.certificate?.chainLength?.toString()],
    ]),
    part('At the provider', [
      ['id', status?.remote?.id],
      ['name', status?.remote?.name],
      ['state', status?.remote?.state],
      ['ends', status?.remote?.notAfter],
      ['revision', status?.remote?.revision],
    ]),
  ].join('');
}

/** What a provider lists of a certificate. */
export function describeEntry(entry: InventoryEntry, layout: Layout): string {
  const { id, name, commonName, state, notBefore, notAfter, revision } = entry;
  const values = [
    ['id', id],
    ['common name', commonName],
    ['state', state],
    ['begins', notBefore],
    ['ends', notAfter],
    ['revision', revision],
  ] as const;
  return line(name, 'bold', layout) + fields(values, { ...layout, width: undefined });
}

function conditionCell(object: Stored, type: 'Ready' | 'Synced' | 'Expiring'): Cell | undefined {
  const condition = conditionOf(object, type);
  if (condition === undefined) return undefined;
  const good = type === 'Expiring' ? 'False' : 'True';
  const bad: Style = type === 'Expiring' ? 'yellow' : 'red';
  const style = condition.status === good ? 'green' : condition.status === 'Unknown' ? 'yellow' : bad;
  return { text: `${condition.status} (${condition.reason}): ${condition.message}`, style };
}

/** What to do about what is not as it should be; why a Secret is not Ready, Synced mostly knows. */
function advice(object: Stored): string | undefined {
  const type = (['Synced', 'Ready'] as const).find((one) => conditionOf(object, one)?.status === 'False');
  if (type === undefined) return undefined;
  const { reason = '', message = '' } = conditionOf(object, type) ?? {};
  const reasons = todos[type];
  const todo = Object.hasOwn(reasons, reason) ? (reasons[reason]?.todo.replaceAll('`', '') ?? '') : '';
  return todo === 'Nothing.' || message.includes(todo) ? undefined : todo;
}

function validity(object: Stored, now: number): string | undefined {
  const end = endOf(object);
  const { notBefore, notAfter } = object.status?.certificate ?? {};
  return end === undefined ? undefined : `${notBefore} to ${notAfter} (${remaining(end, now)})`;
}

/** `89d left`, `ended 3d ago` */
export function remaining(end: number, now: number): string {
  return end <= now ? `ended ${roughly(now - end)} ago` : `${roughly(end - now)} left`;
}

function ago(time: string | undefined, now: number): string | undefined {
  const at = Date.parse(time ?? '');
  return Number.isNaN(at) ? time : `${time} (${roughly(Math.max(now - at, 0))} ago)`;
}
