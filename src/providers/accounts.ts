import { createHmac, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { Account } from './account.ts';
import type { Credentials } from './credentials.ts';
import type { Endpoints } from './endpoints.ts';
import { type HttpCall, HttpClient } from './http.ts';
import type { Provider, ProviderSpec, ProviderType } from './provider.ts';
import type { ProxySettings } from './proxy.ts';
import { Throttle } from './throttle.ts';

/** What a provider object asks for. */
export interface AccountSettings {
  pollIntervalMs: number;
  requestsPerMinute?: number | undefined;
  inFlight?: number | undefined;
}

/** A setting in force, and the holder that asked for it. */
export interface Effective {
  value: number;
  holder: string;
}

export interface AccountRequest {
  provider: Provider;
  spec: ProviderSpec;
  credentials: Credentials;
  /** PEM of an extra certificate authority. */
  ca?: string | undefined;
  settings: AccountSettings;
}

interface AccountsOptions {
  clock: Clock;
  logger: Logger;
  endpoints: Endpoints;
  /** Between us and every provider. */
  proxy?: ProxySettings | undefined;
  random?: () => number;
  /** Told of every request, for metrics. */
  onCall?: (call: HttpCall & { provider: ProviderType }) => void;
}

interface Holding {
  /** Of the account, and of the throttle that it may share with others. */
  account: string;
  throttle: string;
  settings: AccountSettings;
}

const usualInFlight = 64;

/**
 * The accounts that somebody holds. Holders with the same endpoint and credentials share one, by the smallest of their
 * settings; if only API version or CA differ they share the limits and pauses. A pause outlives them.
 */
export class Accounts {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #endpoints: Endpoints;
  readonly #proxy: ProxySettings | undefined;
  readonly #random: () => number;
  readonly #onCall: AccountsOptions['onCall'];
  /** Credentials are only ever compared, by a digest that is worthless outside this process. */
  readonly #secret = randomBytes(32);
  readonly #holdings = new Map<string, Holding>();
  readonly #accounts = new Map<string, { account: Account; http: HttpClient }>();
  readonly #throttles = new Map<string, { type: ProviderType; throttle: Throttle }>();

  constructor({ clock, logger, endpoints, proxy, random = Math.random, onCall }: AccountsOptions) {
    this.#proxy = proxy;
    this.#onCall = onCall;
    this.#clock = clock;
    this.#logger = logger;
    this.#endpoints = endpoints;
    this.#random = random;
  }

  /**
   * The account that a provider object needs now; what it held before is given back. The account starts to list at
   * once, and is the same object for as long as endpoint, credentials, API version and CA are the same.
   *
   * @param holder identifies the provider object
   */
  obtain(holder: string, request: AccountRequest): Account {
    const { provider, spec, credentials, ca, settings } = request;
    const [endpoint, ...others] = provider.endpoints(spec);
    const identity = [provider.type, endpoint, Object.entries(credentials).sort()];
    const throttle = this.#digest(identity);
    const account = this.#digest([...identity, others, provider.apiVersion(spec), ca]);
    const former = this.#holdings.get(holder);
    const held = this.#accounts.get(account) ?? this.#open(account, throttle, request);
    this.#holdings.set(holder, { account, throttle, settings });
    if (former) this.#settle(former);
    this.#settle({ account, throttle });
    return held.account;
  }

  /** The provider object is gone, or unusable. An account that nobody holds any more is closed. */
  release(holder: string): void {
    const former = this.#holdings.get(holder);
    this.#holdings.delete(holder);
    if (former) this.#settle(former);
  }

  /** The settings in force for the account of a holder, and whose they are. */
  effective(
    holder: string,
  ):
    | { pollIntervalMs: Effective; requestsPerMinute?: Effective | undefined; inFlight?: Effective | undefined }
    | undefined {
    const holding = this.#holdings.get(holder);
    const pollIntervalMs = holding && this.#smallest('pollIntervalMs', 'account', holding.account);
    if (!holding || !pollIntervalMs) return undefined;
    return {
      pollIntervalMs,
      requestsPerMinute: this.#smallest('requestsPerMinute', 'throttle', holding.throttle),
      inFlight: this.#smallest('inFlight', 'throttle', holding.throttle),
    };
  }

  /** What is under way at each cloud, all accounts together, and how much may be at most. */
  get traffic(): { provider: ProviderType; inFlight: number; inFlightLimit: number }[] {
    const sums = new Map<ProviderType, { inFlight: number; inFlightLimit: number }>();
    for (const { type, throttle } of this.#throttles.values()) {
      const { inFlight = 0, inFlightLimit = 0 } = sums.get(type) ?? {};
      sums.set(type, {
        inFlight: inFlight + throttle.inFlight,
        inFlightLimit: inFlightLimit + throttle.inFlightLimit,
      });
    }
    return Array.from(sums, ([provider, sum]) => ({ provider, ...sum }));
  }

  /** Closes every account; nothing is under way afterwards. */
  async stop(): Promise<void> {
    this.#holdings.clear();
    const open = [...this.#accounts.values()];
    this.#accounts.clear();
    this.#throttles.clear();
    for (const { account } of open) account.close();
    await Promise.all(open.map(({ http }) => http.close()));
  }

  #open(
    key: string,
    throttleKey: string,
    { provider, spec, credentials, ca, settings }: AccountRequest,
  ): { account: Account; http: HttpClient } {
    const limits = { inFlight: settings.inFlight ?? usualInFlight };
    const throttle = this.#throttles.get(throttleKey)?.throttle ?? new Throttle(this.#clock, limits);
    this.#throttles.set(throttleKey, { type: provider.type, throttle });
    const http = new HttpClient({
      clock: this.#clock,
      endpoints: this.#endpoints,
      ca,
      proxy: this.#proxy,
      onCall: (call) => this.#onCall?.({ provider: provider.type, ...call }),
    });
    const connection = { spec, credentials, http, clock: this.#clock };
    const account = new Account({
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger.child({ provider: provider.type, endpoint: provider.endpoints(spec)[0] }),
      client: provider.connect(connection),
      manager: provider.manage?.(connection),
      throttle,
      selectors: provider.selectors(spec),
      pollIntervalMs: settings.pollIntervalMs,
    });
    const held = { account, http };
    this.#accounts.set(key, held);
    return held;
  }

  /** Brings an account and its throttle in line with who holds them now. */
  #settle({ account, throttle }: Pick<Holding, 'account' | 'throttle'>): void {
    const held = this.#accounts.get(account);
    const pollIntervalMs = this.#smallest('pollIntervalMs', 'account', account);
    if (held && pollIntervalMs) {
      held.account.pollIntervalMs = pollIntervalMs.value;
    } else if (held) {
      this.#accounts.delete(account);
      held.account.close();
      void held.http.close();
    }
    const inUse = [...this.#holdings.values()].some((holding) => holding.throttle === throttle);
    const pause = this.#throttles.get(throttle)?.throttle.refusal;
    if (!inUse && pause === undefined) this.#throttles.delete(throttle);
    // The provider said so to these credentials, which may come back: a Secret that is deleted and made anew.
    if (!inUse && pause !== undefined) this.#clock.after(pause.retryAfterMs, () => this.#settle({ account, throttle }));
    this.#throttles.get(throttle)?.throttle.configure({
      inFlight: this.#smallest('inFlight', 'throttle', throttle)?.value ?? usualInFlight,
      requestsPerMinute: this.#smallest('requestsPerMinute', 'throttle', throttle)?.value,
    });
  }

  #smallest(setting: keyof AccountSettings, of: 'account' | 'throttle', key: string): Effective | undefined {
    let smallest: Effective | undefined;
    for (const [holder, holding] of this.#holdings) {
      const value = holding[of] === key ? holding.settings[setting] : undefined;
      if (value !== undefined && (smallest === undefined || value < smallest.value)) smallest = { value, holder };
    }
    return smallest;
  }

  #digest(identity: unknown): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify(identity)).digest('hex');
  }
}
