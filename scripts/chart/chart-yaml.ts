import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { dump } from 'js-yaml';

import { home } from './project.ts';

const root = join(import.meta.dirname, '..', '..');

/** Chart.yaml: chart, image and program have one version. */
export function chartYaml(): string {
  const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
    description: string;
  };
  const chart = {
    apiVersion: 'v2',
    name: 'provider-certificates',
    description,
    type: 'application',
    version,
    appVersion: version,
    // Since then API servers check the rules that our kinds carry.
    kubeVersion: '>=1.29.0-0',
    home,
    sources: [home],
    keywords: ['certificates', 'tls', 'secrets', 'nhn', 'samsung', 'naver'],
    annotations: { 'artifacthub.io/license': 'Apache-2.0', 'artifacthub.io/category': 'security' },
  };
  return `# Generated from package.json and scripts/chart by "npm run generate".\n${dump(chart, { lineWidth: -1 })}`;
}
