/** The values of the chart: values.yaml, values.schema.json and the tables of its README are made from them. */
import { z } from 'zod';

import { extra, monitoring, network } from './values-monitoring.ts';
import { crds, general, image, operator } from './values-operator.ts';
import { pods, scheduling, serviceAccount } from './values-pod.ts';

/** A JSON schema, as far as ours use it. */
export interface ValueSchema {
  type?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  properties?: Record<string, ValueSchema>;
  [keyword: string]: unknown;
}

const shapes: Record<string, z.ZodRawShape> = {
  General: general,
  CustomResourceDefinitions: crds,
  Operator: operator,
  Image: image,
  ServiceAccount: serviceAccount,
  Pods: pods,
  Scheduling: scheduling,
  Network: network,
  Monitoring: monitoring,
  'More objects': extra,
};

/** Draft 7 is what all versions of Helm read. */
const schemaOf = (shape: z.ZodRawShape): ValueSchema =>
  z.toJSONSchema(z.strictObject(shape), {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'throw',
    override,
  }) as ValueSchema;

/** An integer is one without saying that it is less than 2^53. */
function override({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void {
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
}

/** Title and values of each section, in order. */
export const sections: [title: string, values: Record<string, ValueSchema>][] = Object.entries(shapes).map(
  ([title, shape]) => [title, schemaOf(shape).properties ?? {}],
);

export const valuesSchema: ValueSchema = schemaOf(Object.assign({}, ...Object.values(shapes)));
