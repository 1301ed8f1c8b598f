import type { Api, ApiObject } from '../../sandbox/control-plane/api.ts';
import { eventually } from '../support/eventually.ts';
import type { Requests } from '../support/requests.ts';

interface Kind {
  name: string;
  kind: string;
  namespaced: boolean;
}

/** Writes objects of any kind to where they belong. What it asked for is counted, so that it can be taken off. */
export class Collections {
  /** As `requestsIn` counts. */
  readonly asked: Requests = {};
  readonly #api: Api;
  readonly #kinds = new Map<string, Kind>();

  constructor(api: Api) {
    this.#api = api;
  }

  async create(object: ApiObject): Promise<void> {
    const { path, plural } = await this.#locate(object);
    this.#count('POST', plural);
    await this.#api.post(path, object);
  }

  /** Creates the object or makes it what is given. */
  async apply(object: ApiObject): Promise<void> {
    const { path, plural } = await this.#locate(object);
    this.#count('APPLY', plural);
    await this.#api.apply(path, object, 'bench');
  }

  async get({ metadata, ...object }: ApiObject): Promise<ApiObject> {
    const { path, plural } = await this.#locate({ metadata, ...object });
    this.#count('GET', plural);
    return this.#api.get(`${path}/${metadata.name}`);
  }

  async patchStatus({ status, ...object }: ApiObject): Promise<void> {
    const { path, plural } = await this.#locate(object);
    this.#count('PATCH', `${plural}/status`);
    await this.#api.mergePatch(`${path}/${object.metadata.name}/status`, { status });
  }

  /** How many Secrets there are. */
  async secrets(): Promise<number> {
    this.#count('LIST', 'secrets');
    const { items, metadata } = await this.#api.get<{ items: []; metadata: { remainingItemCount?: number } }>(
      '/api/v1/secrets?limit=1',
    );
    return items.length + (metadata.remainingItemCount ?? 0);
  }

  /** Path of all objects of the kind of this one, in all namespaces. */
  async everywhere({ apiVersion, kind }: Pick<ApiObject, 'apiVersion' | 'kind'>): Promise<string> {
    return `${root(apiVersion)}/${(await this.#kind(apiVersion, kind)).name}`;
  }

  async #locate({ apiVersion, kind, metadata }: ApiObject): Promise<{ path: string; plural: string }> {
    const { name, namespaced } = await this.#kind(apiVersion, kind);
    const scope = namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return { path: `${root(apiVersion)}${scope}/${name}`, plural: name };
  }

  /** A CRD that was applied a moment ago takes some time to be served. */
  async #kind(apiVersion: string, kind: string): Promise<Kind> {
    const known = this.#kinds.get(`${apiVersion}/${kind}`);
    if (known) return known;
    const found = await eventually(async () => {
      const { resources } = await this.#api.get<{ resources: Kind[] }>(root(apiVersion));
      const served = resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
      if (served === undefined) throw new Error(`The API server does not know ${apiVersion} ${kind}`);
      return served;
    });
    this.#kinds.set(`${apiVersion}/${kind}`, found);
    return found;
  }

  #count(verb: string, plural: string): void {
    const key = `${verb} ${plural}`;
    this.asked[key] = (this.asked[key] ?? 0) + 1;
  }
}

function root(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
