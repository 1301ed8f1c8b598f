import { z } from 'zod';

/**
 * Longest texts and lists in a status. What comes from a certificate or a provider is cut to these before it is written:
 * the API server refuses a whole status patch for one field that is too long.
 */
export const statusLimits = {
  message: 256,
  conditionMessage: 1024,
  name: 253,
  issuer: 512,
  revision: 512,
  dnsNames: 100,
} as const;

export const time = (): z.ZodString => z.string().max(64).meta({ format: 'date-time' });
export const name = (): z.ZodString => z.string().max(statusLimits.name);

export const observedGeneration = z
  .int()
  .describe(
    'The `metadata.generation` of the spec that this status speaks of; -1 until the operator has seen the object.',
  );

const condition = z.object({
  type: z.string().max(64).describe('Name of the condition.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('`True`, `False` or `Unknown`.'),
  reason: z.string().min(1).max(64).describe('Why, as one word of the documented list.'),
  message: z
    .string()
    .max(statusLimits.conditionMessage)
    .describe('One sentence: what was seen, what is kept and what to do.'),
  observedGeneration: z.int().describe('The `metadata.generation` that the condition speaks of.'),
  lastTransitionTime: time().describe('When `status` last changed.'),
});

export const conditions = z
  .array(condition)
  .max(8)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

export const message = z.string().max(statusLimits.message).describe('What matters most now, in one line.');
