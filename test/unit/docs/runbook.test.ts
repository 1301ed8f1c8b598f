import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { expect, test } from 'vitest';

import {
  eventReasons,
  expiringReasons,
  providerReadyReasons,
  readyReasons,
  syncedReasons,
  uploadReadyReasons,
  uploadSyncedReasons,
} from '../../../src/api/reasons.ts';
import { headingsOf } from '../../support/markdown.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Reasons that somebody may have to do something about. */
const conditions = [
  readyReasons,
  expiringReasons,
  syncedReasons,
  providerReadyReasons,
  uploadReadyReasons,
  uploadSyncedReasons,
];
const amiss = conditions.flatMap((list) =>
  Object.entries<{ status: string; todo: string }>(list)
    .filter(([, { todo }]) => todo !== 'Nothing.')
    .map(([reason]) => reason),
);

const [alertsPart = '', reasonsPart = ''] = read('docs/runbook.md').split(/^# Reasons$/m);

test('the runbook has an entry for each alert, and for no other', () => {
  const alerts = load(read('charts/provider-certificates/files/alerts.yaml')) as { alert: string }[];
  expect(headingsOf(alertsPart, 2)).toEqual(alerts.map(({ alert }) => alert));
});

test('it has an entry for each reason that asks for something, and for no other', () => {
  expect(headingsOf(reasonsPart, 2)).toEqual([...new Set(amiss)].toSorted());
});

test('the page on conditions has every reason, and what to do', () => {
  const page = read('docs/conditions.md');
  const rows = new Set(Array.from(page.matchAll(/^\| \[?`([A-Za-z]+)`/gm), ([, reason]) => reason));
  const all = [...conditions, eventReasons].flatMap((list) => Object.keys(list));
  expect([...rows].toSorted()).toEqual([...new Set(all)].toSorted());
});
