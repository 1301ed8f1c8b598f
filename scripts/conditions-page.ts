import {
  eventReasons,
  expiringReasons,
  providerReadyReasons,
  readyReasons,
  syncedReasons,
  uploadReadyReasons,
  uploadSyncedReasons,
} from '../src/api/reasons.ts';
import { table } from './markdown.ts';

type Reasons = Record<string, { status: string; means: string; todo: string }>;

const reasons = (list: Reasons): string =>
  table(
    ['Reason', 'Status', 'What it means', 'What to do'],
    Object.entries(list).map(([reason, { status, means, todo }]) => [named(reason, todo), status, means, todo]),
  );

/** With its entry in the runbook, which has those that ask for something. */
const named = (reason: string, todo: string): string =>
  todo === 'Nothing.' ? `\`${reason}\`` : `[\`${reason}\`](runbook.md#${reason.toLowerCase()})`;

/** The page on conditions and events, from `src/api/reasons.ts`. */
export function conditionsPage(): string {
  return `<!-- Generated from src/api/reasons.ts by "npm run generate". -->
# Conditions and events

\`kubectl get pcert\` shows the status of \`Ready\` under READY and the message that matters most under STATUS. All of it:
\`kubectl describe pcert NAME\`. Each condition carries the \`observedGeneration\` of the spec that it speaks of.

## ProviderCertificate

### Ready

The Secret is usable now, and it is what the current spec asks for. An outage of the provider never turns it False.

${reasons(readyReasons)}

### Expiring

Speaks of the certificate in the Secret alone. It is absent while there is none.

${reasons(expiringReasons)}

### Synced

How Secret and provider compare. Whatever the reason, the last good pair stays in the Secret.

${reasons(syncedReasons)}

## CertificateProvider and ClusterCertificateProvider

### Ready

The last list of certificates was complete. A fault of the whole account shows here at once; on ProviderCertificates that
have a good pair it shows when it lasts.

${reasons(providerReadyReasons)}

## CertificateUpload

### Ready

The provider holds a certificate from the Secret that is valid today.

${reasons(uploadReadyReasons)}

### Synced

How Secret and provider compare. Whatever the reason, what is at the provider stays there.

${reasons(uploadSyncedReasons)}

## Events

Changes are announced once, under the reason of the condition that changed. Besides these there are:

${table(
  ['Reason', 'What it means'],
  Object.entries(eventReasons).map(([reason, means]) => [`\`${reason}\``, means]),
)}
`;
}
