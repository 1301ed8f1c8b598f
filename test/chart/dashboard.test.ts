import { describe, expect, test } from 'vitest';

import { exposed, unknownIn } from './exposed.ts';
import { only, render, withoutHelm } from './helm.ts';

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; legendFormat?: string }[];
}

interface Dashboard {
  panels: Panel[];
  templating: { list: { name: string; query: unknown }[] };
}

async function dashboard(): Promise<Dashboard> {
  const objects = await render({ grafanaDashboard: { enabled: true } });
  const { data } = only<{ data: Record<string, string> }>(objects, 'ConfigMap');
  return JSON.parse(data['provider-certificates.json'] ?? '') as Dashboard;
}

describe.skipIf(withoutHelm)('the dashboard', () => {
  test('asks for metrics and labels that the operator exposes', async () => {
    const { panels, templating } = await dashboard();
    const metrics = await exposed();
    const targets = panels.flatMap(({ targets = [] }) => targets);
    expect(targets.length).toBeGreaterThan(20);
    expect(targets.flatMap(({ expr }) => unknownIn(expr, metrics))).toEqual([]);
    const [query = ''] = /provider_certificates_\w+/.exec(JSON.stringify(templating)) ?? [];
    expect(metrics.has(query)).toBe(true);
  });

  test('names series by labels that their query leaves them', async () => {
    for (const { targets = [] } of (await dashboard()).panels) {
      for (const { expr, legendFormat = '' } of targets) {
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          expect(expr).toMatch(new RegExp(`(by|on) \\([^)]*\\b${label}\\b`));
      }
    }
  });

  test('shows all that is told of certificates, providers and the operator', async () => {
    const text = JSON.stringify((await dashboard()).panels);
    const unshown = [...(await exposed()).keys()].filter(
      (name) => name.startsWith('provider_certificates_') && !/_(sum|count)$/.test(name) && !text.includes(name),
    );
    // A date that nobody acts on, and one that says the same as the reasons.
    expect(unshown).toEqual([
      'provider_certificates_certificate_not_before_timestamp_seconds',
      'provider_certificates_certificate_last_success_timestamp_seconds',
    ]);
  });

  test('has panels that do not cover each other', async () => {
    const { panels } = await dashboard();
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  test('uses only the variables that it has', async () => {
    const { panels, templating } = await dashboard();
    const names = ['$__rate_interval', ...templating.list.map(({ name }) => `$${name}`)];
    for (const [variable] of JSON.stringify(panels).matchAll(/\$\w+/g)) expect(names).toContain(variable);
  });
});
