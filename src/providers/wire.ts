import { z } from 'zod';

/** Shapes that the clouds' answers have in common: numbers come as texts, and what there is none of as null, or not at all. */

export const count = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ])
  .nullish();

/** A code or an id, as text. */
export const word = z
  .union([z.string().min(1).max(253), z.number()])
  .transform(String)
  .nullish();

export const text = z.string().max(4096).nullish();

export const flag = z.union([
  z.boolean(),
  z
    .string()
    .regex(/^(?:true|false)$/i)
    .transform((word) => word.toLowerCase() === 'true'),
]);
