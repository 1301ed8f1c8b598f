import { nhn } from './nhn/index.ts';
import type { Provider, ProviderSpec } from './provider.ts';

/** Every provider that this operator speaks to. */
export const providers: readonly Provider[] = [nhn];

/** The provider that a spec is for; undefined when it, or its API version, is not spoken here. */
export function providerFor(spec: ProviderSpec): Provider | undefined {
  return providers.find((provider) => provider.handles(spec));
}
