/**
 * Another operator in the same scenarios. It is described by a YAML file:
 *
 * ```yaml
 * name: external-secrets            # as the tables call it
 * command: [./external-secrets, --kubeconfig=$(KUBECONFIG), --metrics-addr=127.0.0.1:$(PORT)]
 * definitions: crds                 # file or folder with its CRDs (YAML)
 * setup: |                          # objects that are there before it starts
 *   apiVersion: v1
 *   kind: Secret
 *   metadata: {name: credentials, namespace: $(NAMESPACE)}
 *   stringData: {id: $(ACCESS_KEY_ID), secret: $(SECRET_ACCESS_KEY)}
 *   ---
 *   …
 * certificate: |                    # one object for each certificate that is wanted
 *   apiVersion: external-secrets.io/v1
 *   kind: ExternalSecret
 *   metadata: {name: $(NAME), namespace: $(NAMESPACE)}
 *   spec:
 *     refreshInterval: $(POLL_INTERVAL)
 *     target: {name: $(NAME)}
 *     …
 * ready: '{.status.conditions[?(@.type=="Ready")].status}=True'
 * ```
 *
 * Paths are relative to the file. The command is the process that is measured: a script has to `exec` it. It is started anew in each
 * scenario, on an API server of its own, and ended by SIGTERM; it may do everything there. The Secret has to be called as the
 * object that asks for it. A placeholder stands for (a part of) one string: `$(KUBECONFIG)` and `$(PORT)`, a free one on loopback,
 * in the command; in objects `$(NAMESPACE)`, `$(POLL_INTERVAL)` as a Go duration, and of the simulated NHN Cloud `$(PROVIDER_URL)`,
 * `$(APP_KEY)`, `$(ACCESS_KEY_ID)` and `$(SECRET_ACCESS_KEY)`; in `certificate` also `$(NAME)` and `$(REMOTE)`, the name at the
 * provider. A certificate is at `$(PROVIDER_URL)/certmanager/v1.1/appkeys/$(APP_KEY)/certificates/$(REMOTE)/files`, for the
 * headers `X-TC-AUTHENTICATION-ID` and `X-TC-AUTHENTICATION-SECRET`.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { load, loadAll } from 'js-yaml';
import { z } from 'zod';

import type { ApiObject } from '../../sandbox/control-plane/api.ts';
import type { PolicyRule } from '../../sandbox/control-plane/index.ts';
import { jsonPathCondition } from './json-path.ts';
import type { Place, Program, Subject, Wanted } from './subject.ts';

const description = z.strictObject({
  name: z.string(),
  command: z.array(z.string()).min(1),
  definitions: z.string(),
  setup: z.string(),
  certificate: z.string(),
  ready: z.string(),
});

/** Reads the file. @throws Error, one line, when it does not say what it has to */
export async function readPeer(file: string): Promise<Subject> {
  const { data, error } = description.safeParse(load(await readFile(file, 'utf8')));
  if (error) throw new Error(`${file}: ${z.prettifyError(error).replaceAll(/\s*\n\s*/g, ' ')}`);
  return new Peer(data, dirname(resolve(file)));
}

class Peer implements Subject {
  readonly name: string;
  readonly rules: PolicyRule[] = [
    { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    { nonResourceURLs: ['*'], verbs: ['*'] },
  ];
  readonly isReady: (certificate: ApiObject) => boolean;
  readonly #command: readonly string[];
  readonly #definitions: string;
  readonly #setup: ApiObject[];
  readonly #certificate: ApiObject;
  readonly #directory: string;

  constructor(o: z.infer<typeof description>, directory: string) {
    this.name = o.name;
    this.isReady = jsonPathCondition(o.ready);
    this.#command = o.command;
    this.#definitions = join(directory, o.definitions);
    this.#setup = objects(o.setup);
    this.#certificate = load(o.certificate) as ApiObject;
    this.#directory = directory;
  }

  async definitions(): Promise<ApiObject[]> {
    const path = this.#definitions;
    if (!(await stat(path)).isDirectory()) return objects(await readFile(path, 'utf8'));
    const files = (await readdir(path)).filter((file) => /\.ya?ml$/.test(file)).sort();
    return (await Promise.all(files.map((file) => readFile(join(path, file), 'utf8')))).flatMap(objects);
  }

  program({ kubeconfig, port, home }: { kubeconfig: string; port: number; home: string }): Program {
    const values = { KUBECONFIG: kubeconfig, PORT: String(port) };
    const [file = '', ...args] = this.#command.map((word) => filledIn(word, values));
    return {
      file: file.startsWith('.') ? resolve(this.#directory, file) : file,
      args,
      env: { ...process.env, HOME: home, KUBECONFIG: kubeconfig },
    };
  }

  setup(place: Place): ApiObject[] {
    return this.#setup.map((object) => filledIn(object, { ...valuesOf(place), NAMESPACE: place.namespace }));
  }

  certificate({ namespace, name, remote }: Wanted, place: Place): ApiObject {
    return filledIn(this.#certificate, { ...valuesOf(place), NAMESPACE: namespace, NAME: name, REMOTE: remote });
  }
}

function objects(text: string): ApiObject[] {
  return (loadAll(text) as (ApiObject | null)[]).filter((object) => object !== null);
}

function valuesOf({ provider, pollInterval }: Place): Record<string, string> {
  return {
    POLL_INTERVAL: pollInterval,
    PROVIDER_URL: provider.url,
    APP_KEY: provider.appKey,
    ACCESS_KEY_ID: provider.accessKeyId,
    SECRET_ACCESS_KEY: provider.secretAccessKey,
  };
}

/** A copy with the placeholders in all its strings filled in. @throws Error, one line, for one that nobody knows */
function filledIn<T>(value: T, values: Record<string, string>): T {
  const fill = (text: string): string =>
    text.replaceAll(/\$\((\w+)\)/g, (placeholder, name: string) => {
      const known = values[name];
      if (known === undefined) throw new Error(`${placeholder} stands for nothing here`);
      return known;
    });
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return fill(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(one)]));
  };
  return walk(value) as T;
}
