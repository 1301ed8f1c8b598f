import { z } from 'zod';

/** On or off. */
export const flag = (value: boolean, description: string) => z.boolean().default(value).describe(description);

export const text = (value: string, description: string) => z.string().default(value).describe(description);

/** A piece of the Kubernetes API that goes into a manifest as it is: the API server says what is wrong with it. */
export const raw = (description: string, value: Record<string, unknown> = {}) =>
  z.record(z.string(), z.unknown()).default(value).describe(description);

/** The same, a list. */
export const rawList = (description: string, value: Record<string, unknown>[] = []) =>
  z.array(z.record(z.string(), z.unknown())).default(value).describe(description);

/** Labels or annotations. */
export const stringMap = (description: string, value: Record<string, string> = {}) =>
  z.record(z.string(), z.string()).default(value).describe(description);

/** Settings that belong together; a name that is not among them is a typing error. */
export const group = <Shape extends z.ZodRawShape>(description: string, shape: Shape) =>
  z.strictObject(shape).describe(description);
