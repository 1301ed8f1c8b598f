import { naver } from './naver/index.ts';
import { nhn } from './nhn/index.ts';
import type { Provider, ProviderSpec } from './provider.ts';
import { scp } from './scp/index.ts';

/** Every provider that this operator speaks to. */
export const providers: readonly Provider[] = [nhn, scp, naver];

/** The provider that a spec is for. */
export function providerFor(spec: ProviderSpec): Provider {
  const found = providers.find((provider) => provider.handles(spec));
  if (found === undefined) throw new Error('a spec names exactly one provider');
  return found;
}
