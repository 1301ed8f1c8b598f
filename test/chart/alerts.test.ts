import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { dump, load } from 'js-yaml';
import { beforeAll, describe, expect, inject, test } from 'vitest';

import { expiringReasons, readyReasons, syncedReasons } from '../../src/api/reasons.ts';
import { exposed, unknownIn } from './exposed.ts';
import { chart, only, release, render, releaseNamespace, withoutHelm } from './helm.ts';
import { findPromtool } from './promtool/promtool.ts';

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

interface Cases {
  tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[];
}

const casesFile = join(import.meta.dirname, 'alerts.promtool.yaml');
const promtool = await findPromtool({ log: console.error });
if (promtool === undefined)
  console.error('The promtool tests are skipped: promtool is not on PATH, and BUILD_PROMTOOL is not set.');

let rules: Rule[];

beforeAll(async () => {
  if (withoutHelm) return;
  const objects = await render({ prometheus: { prometheusrule: { enabled: true } } });
  rules = only<{ spec: { groups: [{ rules: Rule[] }] } }>(objects, 'PrometheusRule').spec.groups[0].rules;
});

describe.skipIf(withoutHelm)('the alerts', () => {
  test('are all that are in the file, and can be left out by name', async () => {
    const inFile = load(readFileSync(join(chart, 'files', 'alerts.yaml'), 'utf8')) as Rule[];
    const names = inFile.map(({ alert }) => alert);
    expect(rules.map(({ alert }) => alert)).toEqual(names);
    const disabled = names.slice(0, 3);
    const objects = await render({ prometheus: { prometheusrule: { enabled: true, disabled } } });
    expect(only(objects, 'PrometheusRule')['spec']).toMatchObject({
      groups: [{ rules: { length: names.length - 3 } }],
    });
  });

  test('use metrics and labels that the operator exposes', async () => {
    const metrics = await exposed();
    expect(rules.flatMap(({ expr }) => unknownIn(expr, metrics))).toEqual([]);
  });

  test('ask for conditions, statuses and reasons that there are', () => {
    const values = {
      condition: ['Ready', 'Synced', 'Expiring'],
      status: ['True', 'False', 'Unknown'],
      reason: [readyReasons, expiringReasons, syncedReasons].flatMap(Object.keys),
      job: [release],
      namespace: [releaseNamespace],
    };
    const asked = rules.flatMap(({ expr }) => [...expr.matchAll(/(\w+)="([^"]*)"/g)]);
    expect(asked.length).toBeGreaterThan(8);
    for (const [, label, value] of asked) expect(values).toHaveProperty(label!, expect.arrayContaining([value]));
  });

  test('say what is wrong and how bad it is, and where the runbook has them', () => {
    for (const { alert, labels, annotations } of rules) {
      expect(labels).toEqual({ severity: expect.stringMatching(/^(warning|critical)$/) });
      expect(annotations).toEqual({
        summary: expect.stringMatching(/\.$/),
        description: expect.stringMatching(/\.$/),
        runbook_url: expect.stringMatching(new RegExp(`/docs/runbook\\.md#${alert.toLowerCase()}$`)),
      });
    }
  });

  test('are each shown to fire and to keep quiet', () => {
    const { tests } = load(readFileSync(casesFile, 'utf8')) as Cases;
    const cases = tests.flatMap((test) => test.alert_rule_test);
    const having = (fires: boolean): string[] =>
      cases.filter(({ exp_alerts: alerts = [] }) => alerts.length > 0 === fires).map(({ alertname }) => alertname);
    for (const { alert } of rules) {
      expect(having(true)).toContain(alert);
      expect(having(false)).toContain(alert);
    }
  });

  describe.skipIf(promtool === undefined)('in Prometheus', () => {
    const run = async (groups: object[], verb: 'check' | 'test'): Promise<string> => {
      const folder = mkdtempSync(join(inject('runDirectory'), 'alerts-'));
      writeFileSync(join(folder, 'rules.yaml'), dump({ groups }));
      copyFileSync(casesFile, join(folder, 'tests.yaml'));
      const file = join(folder, verb === 'check' ? 'rules.yaml' : 'tests.yaml');
      try {
        return (await promisify(execFile)(promtool!, [verb, 'rules', file])).stdout;
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Error(`promtool ${verb} rules:\n${stdout}${stderr}`, { cause: error });
      }
    };

    test('are sound', async () => {
      expect(await run([{ name: 'all', rules }], 'check')).toContain(`SUCCESS: ${rules.length} rules found`);
    });

    test('fire when they should, and say so', async () => {
      const described = rules.map(({ annotations: { description }, ...rule }) => ({
        ...rule,
        annotations: { description },
      }));
      expect(await run([{ name: 'all', rules: described }], 'test')).toContain('SUCCESS');
    });
  });
});
