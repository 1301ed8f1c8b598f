import type { Clock } from '../../src/clock.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { namespaces } from '../../src/kube/objects.ts';
import type { Wire } from '../../src/kube/transport.ts';
import { ModelApiServer } from '../simulation/api-server.ts';
import type { Candidate } from './api-conformance.ts';
import { Bench, signal } from './conformance/bench.ts';

/** The model, to be tested as if it were a real API server. */
export class ModelCandidate implements Candidate {
  readonly server: ModelApiServer;
  readonly #clock: Clock;
  readonly #beforeCall: () => void;
  #namespaces = 0;

  constructor(clock: Clock, beforeCall: () => void = () => {}) {
    this.#clock = clock;
    this.#beforeCall = beforeCall;
    this.server = new ModelApiServer({ clock });
  }

  client(userAgent: string): KubeClient {
    const wire = this.server.as(userAgent);
    const call: Wire['call'] = (...request) => {
      this.#beforeCall();
      return wire.call(...request);
    };
    return new KubeClient({ ...wire, call }, { clock: this.#clock });
  }

  async newNamespace(): Promise<string> {
    const name = `namespace-${++this.#namespaces}`;
    await this.client('tests').create(
      namespaces,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      { signal },
    );
    return name;
  }

  endWatches(): void {
    this.server.bookmark();
    this.server.cutWatches();
  }

  async forgottenVersion(): Promise<string> {
    const bench = await Bench.make(this);
    const { metadata } = await bench.certificate('old');
    await bench.certificate('new');
    this.server.compact();
    return metadata.resourceVersion;
  }
}
