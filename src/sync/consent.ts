import type { LabelSelector } from '../api/fields.ts';
import type { ProviderSettings } from '../api/provider.ts';

/** Whether the owner of a cluster provider lets a namespace, with these labels, use it. */
export function allowsNamespace(
  consent: NonNullable<ProviderSettings['consent']>,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  if (labels === undefined) return false;
  return consent.from === 'Selector' ? selects(consent.selector, labels) : consent.from === 'All';
}

/** Whether one of the globs covers a remote name; `*` stands for any characters. */
export function allowsCertificate(globs: readonly string[] | undefined, name: string): boolean {
  return globs === undefined || globs.some((glob) => matches(glob, name));
}

function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
      }
    })
  );
}

/** Each piece between the stars must follow the one before it: linear, whatever the pattern. */
function matches(glob: string, name: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return glob === name;
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false;
  let from = first.length;
  const end = name.length - last.length;
  for (const piece of rest) {
    const at = name.indexOf(piece, from);
    if (at < 0 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}
