import type { z } from 'zod';

/**
 * One constraint, said twice side by side: the API server evaluates `cel`, and we evaluate `check` on objects that were
 * stored before the rule existed. Both must give the same verdict; a test asks a real API server.
 */
export interface Rule<T> {
  cel: string;
  /** What the value must be. Shown by kubectl after the path of the field, and in the condition `InvalidSpec`. */
  message: string;
  check: (value: T) => boolean;
  /** The field below this one that is at fault, where the rule compares several. */
  field?: readonly string[];
}

const key = 'x-kubernetes-validations';

interface Validation {
  rule: string;
  message: string;
  fieldPath?: string;
}

/** The CEL rules that a schema carries. */
export function validations(schema: z.ZodType): Validation[] {
  return (schema.meta()?.[key] as Validation[] | undefined) ?? [];
}

/** The schema, held to the rules by zod and, in the CRD, by CEL. */
export function withRules<S extends z.ZodType>(schema: S, ...rules: Rule<z.output<S>>[]): S {
  const all = [...validations(schema)];
  let ruled = schema;
  for (const { cel, check, message, field } of rules) {
    ruled = ruled.refine(check, { error: message, ...(field && { path: [...field] }) });
    all.push({ rule: cel, message, ...(field && { fieldPath: `.${field.join('.')}` }) });
  }
  return ruled.meta({ [key]: all }) as S;
}

/** The rule that a text matches a pattern. The pattern must mean the same in JavaScript and in RE2, and hold no quote. */
export function matching(pattern: RegExp, message: string): Rule<string> {
  return { cel: `self.matches(${celRegExp(pattern)})`, message, check: (text) => pattern.test(text) };
}

/** A pattern as a CEL raw string. */
export function celRegExp(pattern: RegExp): string {
  return `r'${pattern.source.replaceAll(String.raw`\/`, '/')}'`;
}
