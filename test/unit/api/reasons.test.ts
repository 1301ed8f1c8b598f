import { describe, expect, it } from 'vitest';
import {
  eventReasons,
  expiringReasons,
  providerReadyReasons,
  readyReasons,
  syncedReasons,
  uploadReadyReasons,
  uploadSyncedReasons,
} from '../../../src/api/reasons.ts';

type Reasons = Record<string, { status: string; means: string; todo: string }>;

const lists: [string, Reasons][] = [
  ['Ready', readyReasons],
  ['Expiring', expiringReasons],
  ['Synced', syncedReasons],
  ['Ready of a provider', providerReadyReasons],
  ['Ready of an upload', uploadReadyReasons],
  ['Synced of an upload', uploadSyncedReasons],
];

const withStatus = (reasons: Reasons, status: string): string[] =>
  Object.keys(reasons).filter((reason) => reasons[reason]!.status === status);

describe.each(lists)('reasons of %s', (_condition, reasons) => {
  it('are words that Kubernetes accepts, and fit into a status', () => {
    for (const reason of Object.keys(reasons)) expect(reason).toMatch(/^[A-Z][A-Za-z]{1,63}$/);
  });

  it('say in sentences what they mean and what to do', () => {
    for (const { means, todo } of Object.values(reasons)) {
      expect(means).toMatch(/^[A-Z`].*\.$/);
      expect(todo).toMatch(/^[A-Z`].*\.$/);
    }
  });
});

it('each status of a condition that users wait for has a reason', () => {
  expect(withStatus(readyReasons, 'True')).toEqual(['Valid', 'RemoteValid']);
  expect(withStatus(syncedReasons, 'True')).toEqual(['Synced', 'InSync']);
  expect(withStatus(syncedReasons, 'Unknown')).toEqual(['Pending', 'NotCompared']);
  expect(withStatus(expiringReasons, 'True')).toEqual(['ExpiresSoon', 'Expired']);
  expect(withStatus(providerReadyReasons, 'True')).toEqual(['Valid']);
});

it('every fault of a provider can also show on a certificate, and on an upload', () => {
  const own = new Set(['Valid', 'EndpointNotAllowed']);
  const shared = Object.keys(providerReadyReasons).filter((reason) => !own.has(reason));
  expect(Object.keys(syncedReasons)).toEqual(expect.arrayContaining(shared));
  expect(Object.keys(uploadSyncedReasons)).toEqual(expect.arrayContaining(shared));
});

it('events are described', () => {
  for (const means of Object.values(eventReasons)) expect(means).toMatch(/^[A-Z].*\.$/);
});
