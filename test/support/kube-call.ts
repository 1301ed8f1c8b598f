import type { IncomingMessage } from 'node:http';

/** What a request to an API server is about. */
export interface Call {
  verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'apply' | 'delete';
  /** Plural, like `secrets`; '' for paths that are about no resource. */
  resource: string;
  /** '' for the object itself. */
  subresource: string;
  namespace?: string | undefined;
  name?: string | undefined;
}

const route =
  /^\/(?:api|apis\/[^/]+)\/v[^/]+\/(?:namespaces\/(?<namespace>[^/]+)\/)?(?<resource>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<subresource>[^/]+))?$/;

/** @param body all of it */
export function callOf({ method = '', url = '', headers }: IncomingMessage, body: Buffer): Call {
  const [path = '', query] = url.split('?');
  const { namespace, resource = '', name, subresource = '' } = route.exec(path)?.groups ?? {};
  const parameters = new URLSearchParams(query);
  const selected = /^metadata\.name=(.*)$/.exec(parameters.get('fieldSelector') ?? '')?.[1];
  const verb = verbOf(method, {
    applies: headers['content-type'] === 'application/apply-patch+yaml',
    name,
    parameters,
  });
  const given = name === undefined ? selected : decodeURIComponent(name);
  return { verb, resource, subresource, namespace, name: given ?? (verb === 'create' ? nameIn(body) : undefined) };
}

export function isWrite({ verb }: Call): boolean {
  return verb !== 'get' && verb !== 'list' && verb !== 'watch';
}

function verbOf(
  method: string,
  { applies, name, parameters }: { applies: boolean; name: string | undefined; parameters: URLSearchParams },
): Call['verb'] {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return applies ? 'apply' : 'patch';
    case 'DELETE':
      return 'delete';
  }
  if (parameters.get('watch') === 'true') return 'watch';
  return name === undefined ? 'list' : 'get';
}

function nameIn(body: Buffer): string | undefined {
  try {
    return (JSON.parse(body.toString()) as { metadata?: { name?: string } }).metadata?.name;
  } catch {
    return undefined;
  }
}
