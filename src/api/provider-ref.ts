import { z } from 'zod';
import { objectName } from './fields.ts';

/** Points at a provider object; whoever uses it describes what for. */
export const providerRef = z
  .object({
    name: objectName().describe('Name of the provider object.'),
    kind: z
      .enum(['CertificateProvider', 'ClusterCertificateProvider'])
      .describe(
        'Kind of the provider object. Default: CertificateProvider, in the namespace of this object. A ClusterCertificateProvider must allow the namespace.',
      )
      .exactOptional(),
  })
  .meta({ 'x-kubernetes-map-type': 'atomic' });
