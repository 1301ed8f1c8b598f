import { z } from 'zod';
import { durationPattern, parseDuration } from './durations.ts';
import { reservedKeys, reservedPrefixes } from './names.ts';
import { celRegExp, matching, type Rule, withRules } from './rule.ts';

/**
 * Bounded text. Length is counted in code points, as the API server counts. A text that is too long is not looked at any
 * further.
 */
export function text(max: number, min = 1): z.ZodString {
  return z
    .string()
    .refine((value) => value.length <= max || [...value].length <= max, {
      error: `must have at most ${max} characters`,
      abort: true,
    })
    .refine((value) => value.length >= min, { error: 'must not be empty' })
    .meta({ maxLength: max, ...(min > 0 && { minLength: min }) });
}

const dnsLabel = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = String.raw`${dnsLabel}(\.${dnsLabel})*`;

/** Name of a Secret, provider or other Kubernetes object (RFC 1123 subdomain). */
export const objectName = (): z.ZodString =>
  withRules(
    text(253),
    matching(
      new RegExp(`^${subdomain}$`),
      'must be a Kubernetes object name: lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
    ),
  );

export const namespaceName = (): z.ZodString =>
  withRules(
    text(63),
    matching(
      new RegExp(`^${dnsLabel}$`),
      'must be a namespace name: lower-case letters, digits and "-", beginning and ending with a letter or digit',
    ),
  );

/** A key of a Secret's data. */
export const dataKey = (): z.ZodString =>
  withRules(text(253), matching(/^[-._a-zA-Z0-9]+$/, 'must be a key of a Secret: letters, digits, "-", "_" and "."'));

/** What a user calls a certificate at a provider. It becomes part of a request path there. */
export const remoteName = (): z.ZodString =>
  withRules(text(253), matching(/^\P{Cc}+$/u, 'must not hold control characters'), {
    cel: "self != '.' && self != '..'",
    message: 'must not be "." or ".."',
    check: (name) => name !== '.' && name !== '..',
  });

/** A Go duration. In `cel` the value is known to be one; `check` gets milliseconds. */
export function duration({ cel, message, check }: Rule<number>): z.ZodString {
  return withRules(text(16).meta({ pattern: durationPattern.source }), {
    cel: `self.matches(${celRegExp(durationPattern)}) && (${cel})`,
    message,
    check: (value) => durationPattern.test(value) && check(parseDuration(value)),
  });
}

const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const host = String.raw`(([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?\.)*[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?|(${octet}\.){3}${octet})`;
const port = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';

/** Scheme, host and port of a provider's API. */
export const origin = (): z.ZodString =>
  withRules(
    text(300),
    matching(
      new RegExp(`^https?://${host}(:${port})?$`),
      'must be an origin such as https://host or https://host:8443, without user, path, query and final slash',
    ),
  );

/** DNS names as certificates hold them. The last label holds a letter: that tells a name from an IP address. */
export const dnsName = (): z.ZodString =>
  withRules(
    text(253),
    matching(
      /^(\*\.)?([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?\.)*[0-9]{0,62}[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$/,
      'must be a DNS name such as www.example.com, or *.example.com with the asterisk as the whole first label; international names in their xn-- form; no IP addresses',
    ),
  );

/** A PEM text that holds certificates. */
export const certificates = (): z.ZodString =>
  withRules(text(65_536), {
    cel: "self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY-----')",
    message: 'must hold PEM certificates (-----BEGIN CERTIFICATE-----) and no private key',
    check: (pem) => pem.includes('-----BEGIN CERTIFICATE-----') && !pem.includes('PRIVATE KEY-----'),
  });

const keyPattern = new RegExp(`^(${subdomain}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`);
const isKey = (key: string): boolean => keyPattern.test(key) && key.split('/')[0]!.length <= 253;
const celIsKey = (key: string): string =>
  `${key}.matches(${celRegExp(keyPattern)}) && ${key}.split('/')[0].size() <= 253`;
const keyMessage =
  'keys must be a name of at most 63 letters, digits, "-", "_" and ".", after an optional DNS name and a slash: example.com/team';

const isReserved = (key: string): boolean =>
  reservedPrefixes.some((prefix) => key.startsWith(prefix)) || reservedKeys.some((reserved) => key === reserved);
const celIsReserved = [
  ...reservedPrefixes.map((prefix) => `k.startsWith('${prefix}')`),
  ...reservedKeys.map((reserved) => `k == '${reserved}'`),
].join(' || ');

const labelValue = (): z.ZodString =>
  withRules(
    text(63, 0),
    matching(
      /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
      'must be a label value: letters, digits, "-", "_" and ".", beginning and ending with a letter or digit',
    ),
  );

type TextMap = z.ZodRecord<z.ZodString, z.ZodString>;

/** A map whose keys are Kubernetes label or annotation keys. */
function keyed(values: z.ZodString, max = 16): TextMap {
  const map = z
    .record(z.string(), values)
    .refine((entries) => Object.keys(entries).length <= max, { error: `must have at most ${max} entries`, abort: true })
    .meta({ maxProperties: max });
  return withRules(map, {
    cel: `self.all(k, ${celIsKey('k')})`,
    message: keyMessage,
    check: (entries) => Object.keys(entries).every(isKey),
  });
}

const unreserved = (map: TextMap): TextMap =>
  withRules(map, {
    cel: `self.all(k, !(${celIsReserved}))`,
    message: `must not set ${[...reservedPrefixes.map((prefix) => `${prefix}*`), ...reservedKeys].join(', ')}: the operator and kubectl use these`,
    check: (entries) => !Object.keys(entries).some(isReserved),
  });

export const templateLabels = (): TextMap => unreserved(keyed(labelValue()));

/** At most 16 values of 2,048 characters: with our own they stay below the 256 KiB that Kubernetes allows an object. */
export const templateAnnotations = (): TextMap => unreserved(keyed(text(2048, 0)));

const requirement = withRules(
  z.object({
    key: withRules(text(317), {
      cel: celIsKey('self'),
      message: keyMessage,
      check: isKey,
    }).describe('The label that the requirement is about.'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe('How the label is compared. `NotIn` and `DoesNotExist` also match namespaces without the label.'),
    values: z
      .array(labelValue())
      .max(64)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe('The values for `In` and `NotIn`; left out with the other two.')
      .exactOptional(),
  }),
  {
    cel: "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
    message: 'values must be given with In and NotIn, and only with these',
    check: ({ operator, values = [] }) => (operator === 'In' || operator === 'NotIn') === values.length > 0,
  },
);

/** Kubernetes' LabelSelector, but never an empty one: that would silently mean everything. */
export const labelSelector = withRules(
  z.object({
    matchLabels: keyed(labelValue()).describe('Labels that a namespace must have, with these values.').exactOptional(),
    matchExpressions: z
      .array(requirement)
      .max(16)
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe('Requirements that a namespace must meet; all of them.')
      .exactOptional(),
  }),
  {
    cel: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
    message: 'must not be empty; to allow every namespace write from: All',
    check: ({ matchLabels = {}, matchExpressions = [] }) =>
      Object.keys(matchLabels).length > 0 || matchExpressions.length > 0,
  },
).meta({ 'x-kubernetes-map-type': 'atomic' });

export type LabelSelector = z.infer<typeof labelSelector>;
