/**
 * The three clouds, simulated, in a pod: over https under the name of their Service. What is uploaded comes over another
 * port, in the clear: `POST /nhn` with the arguments as a list in JSON.
 *
 *   node clouds.mjs NAME FOLDER     FOLDER has tls.crt and tls.key for NAME
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

import { startClouds } from '../../../sandbox/clouds.ts';
import { ports } from './ports.ts';

const [name, folder = ''] = process.argv.slice(2);
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
const tls = { cert: read('tls.crt'), key: read('tls.key') };
const { nhn, scp, naver } = await startClouds({
  nhn: { name, port: ports.nhn, tls },
  scp: { name, port: ports.scp, tls },
  naver: { name, port: ports.naver, tls },
});
const clouds: Record<string, { upload(...args: unknown[]): unknown }> = { nhn, scp, naver } as never;

async function upload(request: IncomingMessage): Promise<unknown> {
  const cloud = clouds[request.url?.slice(1) ?? ''];
  if (cloud === undefined) throw new Error(`there is no cloud at ${request.url}`);
  return cloud.upload(...((await json(request)) as unknown[]));
}

createServer((request, response) => {
  // A GET is the probe of the pod.
  const answered = request.method === 'GET' ? Promise.resolve() : upload(request);
  answered.then(
    (value) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ value })),
    (error: unknown) => response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error)),
  );
}).listen(ports.control);

// The first process of a container has to see to that itself.
process.once('SIGTERM', () => process.exit());
