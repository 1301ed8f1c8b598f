import { refusal, timeout, transportFault } from '../../src/kube/errors.ts';
import type { Request, Wire } from '../../src/kube/transport.ts';
import { unlessAborted } from '../../src/unless-aborted.ts';
import type { Machine } from './machine.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How often something goes wrong between an operator and the API server; each in [0, 1], per request. */
export interface Weather {
  /** The request does not arrive. */
  lost: number;
  /** The request arrives, its answer does not. */
  answerLost: number;
  /** 429, 500 or 503. */
  refused: number;
  /** Late: a second or two, sometimes longer than a client waits. */
  slow: number;
  /** A watch ends with each event. */
  cut: number;
  /** A watch says nothing any more, and does not end either; per event. */
  silent: number;
  /** Whoever asks dies, right before the request is carried out or right after. */
  deadly: number;
}

export const fairWeather: Weather = { lost: 0, answerLost: 0, refused: 0, slow: 0, cut: 0, silent: 0, deadly: 0 };

interface Options {
  /** The API server, as this operator is known to it. */
  server: Wire;
  time: VirtualTime;
  machine: Machine;
  random: Random;
  weather: () => Weather;
  /** Called when a request is sent, right before it is carried out and right after, and when its answer has arrived. */
  around: {
    sent(request: Request): void;
    before(request: Request): void;
    after(): void;
    answered(request: Request): void;
  };
}

/** A client gives up after so long, see `Transport`. */
const patienceMs = 30_000;

/** The network between an operator and the API server: everything takes a while, and much can happen meanwhile. */
export class UnreliableWire implements Wire {
  readonly #o: Options;

  constructor(options: Options) {
    this.#o = options;
  }

  async call(request: Request, signal: AbortSignal): Promise<object> {
    const { machine, around } = this.#o;
    signal.throwIfAborted();
    around.sent(request);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = machine.after(patienceMs, () =>
      reject(timeout(request.operation, `no complete answer within ${patienceMs / 1_000} s`)),
    );
    try {
      const answer = await unlessAborted(Promise.race([this.#exchange(request), late]), signal);
      around.answered(request);
      return answer;
    } finally {
      cancel();
    }
  }

  async *stream(request: Request, signal: AbortSignal): AsyncGenerator<object> {
    const { server, machine, random, weather } = this.#o;
    const ended = new AbortController();
    const onAbort = (): void => ended.abort(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await unlessAborted(this.#travel(), signal);
      if (random.chance(weather().lost)) throw broken(request);
      for await (const event of server.stream(request, ended.signal)) {
        await unlessAborted(machine.sleep(this.#latency()), signal);
        if (random.chance(weather().cut)) throw broken(request);
        if (weather().silent > 0 && random.chance(weather().silent)) await unlessAborted(new Promise(() => {}), signal);
        yield event;
      }
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', onAbort);
      ended.abort();
    }
  }

  /** To the server and back. The way there goes on when the client has given up, or died. */
  async #exchange(request: Request): Promise<object> {
    const { machine, random, weather } = this.#o;
    const { lost, refused, answerLost } = weather();
    await this.#travel();
    const { deadly } = weather();
    const dies = deadly > 0 && random.chance(deadly);
    if (dies && random.chance(0.5)) {
      machine.die();
      return new Promise(() => {});
    }
    if (random.chance(lost)) {
      await machine.sleep(0);
      throw broken(request);
    }
    const refusedBy = random.chance(refused) ? random.pick([429, 500, 503]) : undefined;
    if (refusedBy !== undefined) {
      await machine.sleep(this.#latency());
      const body = { kind: 'Status', reason: 'Simulated', message: 'bad weather', code: refusedBy };
      throw refusal(request.operation, refusedBy, body, refusedBy === 429 ? '1' : undefined, machine.now());
    }
    const outcome = this.#carryOut(request);
    if (dies) machine.die();
    await machine.sleep(this.#latency());
    if (random.chance(answerLost)) throw broken(request);
    return outcome;
  }

  #carryOut(request: Request): Promise<object> {
    const { server, around } = this.#o;
    around.before(request);
    const outcome = server.call(request, new AbortController().signal);
    around.after();
    outcome.catch(() => {}); // whoever asked may not be there any more
    return outcome;
  }

  /** The way to the server, by the time of the network. */
  async #travel(): Promise<void> {
    const { time, machine, random } = this.#o;
    await time.sleep(this.#latency());
    // What was under way when its sender died may arrive all the same.
    if (machine.dead && random.chance(0.5)) await new Promise(() => {});
  }

  #latency(): number {
    const { random, weather } = this.#o;
    if (!random.chance(weather().slow)) return random.between(1, 20);
    return random.chance(0.2) ? random.between(20_000, 60_000) : random.between(500, 3_000);
  }
}

function broken({ operation }: Request): Error {
  return transportFault(operation, Object.assign(new Error('simulated'), { code: 'ECONNRESET' }));
}
