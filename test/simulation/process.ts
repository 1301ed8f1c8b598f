import { pino } from 'pino';
import { KubeClient } from '../../src/kube/client.ts';
import { Lease, type LeaseTiming } from '../../src/kube/lease.ts';
import type { Request, Wire } from '../../src/kube/transport.ts';
import { Endpoints } from '../../src/providers/endpoints.ts';
import { Operator } from '../../src/sync/operator.ts';
import type { Cloud } from './cloud.ts';
import { Machine } from './machine.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';
import { type Weather, UnreliableWire } from './wire.ts';

const endpoints = new Endpoints();

/** Slower than usual, so that most of what happens is not about the lease. */
export const timing: LeaseTiming = { leaseSeconds: 200, renewDeadlineMs: 150_000, retryMs: 45_000 };

interface Options {
  name: string;
  time: VirtualTime;
  random: Random;
  server: Wire;
  cloud: Cloud;
  weather: () => Weather;
  leaderElection: boolean;
  /** How much its clock is fast, in milliseconds. */
  skewMs: number;
  around: {
    sent(request: Request, process: Process): void;
    before(request: Request, process: Process): void;
    after(): void;
    answered(request: Request, process: Process): void;
    /** Something that the operator itself takes for a defect. */
    defect(line: string): void;
  };
}

/** The operator, unchanged, on a machine of its own. */
export class Process {
  readonly name: string;
  readonly machine: Machine;
  readonly operator: Operator;
  readonly #time: VirtualTime;
  readonly #stop = new AbortController();
  #endsSince = Infinity;

  constructor({ name, time, random, server, cloud, weather, leaderElection, skewMs, around }: Options) {
    this.name = name;
    this.#time = time;
    const machine = new Machine(time, skewMs);
    const logger = pino({ level: 'error' }, { write: (line: string) => around.defect(line) });
    this.machine = machine;
    const wire = new UnreliableWire({
      server,
      time,
      machine,
      random,
      weather,
      around: {
        sent: (request) => around.sent(request, this),
        before: (request) => around.before(request, this),
        after: () => around.after(),
        answered: (request) => around.answered(request, this),
      },
    });
    const client = new KubeClient(wire, { clock: machine });
    const provider = cloud.on(machine);
    const lease = { client, clock: machine, logger, namespace: 'default', name: 'lease', identity: name, timing };
    this.operator = new Operator({
      client,
      clock: machine,
      logger,
      endpoints,
      providerFor: () => provider,
      random: random.next,
      watchNamespaces: ['default'],
      concurrency: 4,
      instance: name,
      lease: leaderElection ? new Lease({ ...lease, random: random.next }) : undefined,
      onLeaseLost: () => machine.die(),
      observer: { reconciled: () => {}, providerCalled: () => {}, certificate: () => {} },
    });
    void this.operator.run(this.#stop.signal).then(() => machine.die());
  }

  get alive(): boolean {
    return !this.machine.dead;
  }

  /** SIGTERM. */
  end(): void {
    this.#endsSince = Math.min(this.#endsSince, this.#time.elapsed());
    this.#stop.abort();
  }

  /** Was told to end, and has not. */
  get ending(): boolean {
    return this.alive && this.#stop.signal.aborted;
  }

  /** For how long it could have ended and has not, in milliseconds. */
  get endingForMs(): number {
    return this.ending ? Math.min(this.#time.elapsed() - this.#endsSince, this.machine.awakeForMs) : 0;
  }

  /** SIGKILL. */
  kill(): void {
    this.machine.die();
  }
}
