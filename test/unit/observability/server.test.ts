import { createServer } from 'node:http';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveStatus, type StatusServer } from '../../../src/observability/server.ts';

describe('serveStatus', () => {
  const state: { live?: string | undefined; ready?: string | undefined; broken: boolean } = { broken: false };
  const logged: string[] = [];
  let server: StatusServer;

  beforeEach(async () => {
    Object.assign(state, { live: undefined, ready: undefined, broken: false });
    server = await serveStatus({
      host: '127.0.0.1',
      port: 0,
      live: () => state.live,
      ready: () => state.ready,
      metrics: async () => {
        if (state.broken) throw new Error('no metrics');
        return { contentType: 'text/plain; version=0.0.4', text: 'up 1\n' };
      },
      logger: pino({ level: 'error' }, { write: (line) => void logged.push(line) }),
    });
  });
  afterEach(() => server.close());

  const request = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { method });

  async function ask(path: string, method?: string): Promise<string> {
    const response = await request(path, method);
    return `${response.status} ${await response.text()}`;
  }

  it.each(['/healthz', '/readyz', '/healthz?verbose'])('%s is ok', async (path) => {
    expect(await ask(path)).toBe('200 ok\n');
  });

  it('says what is wrong, each probe its own', async () => {
    state.ready = 'caches are not synced';
    expect(await ask('/healthz')).toBe('200 ok\n');
    expect(await ask('/readyz')).toBe('503 caches are not synced\n');
    Object.assign(state, { live: 'event loop stalled', ready: undefined });
    expect(await ask('/healthz')).toBe('503 event loop stalled\n');
    expect(await ask('/readyz')).toBe('200 ok\n');
  });

  it('serves metrics', async () => {
    const response = await request('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    expect(await response.text()).toBe('up 1\n');
    expect(await ask('/metrics', 'HEAD')).toBe('200 ');
  });

  it('survives a fault, and logs it', async () => {
    state.broken = true;
    expect(await ask('/metrics')).toBe('500 internal error\n');
    expect(logged.join('')).toContain('no metrics');
    state.broken = false;
    expect(await ask('/metrics')).toBe('200 up 1\n');
  });

  it('has nothing else', async () => {
    expect(await ask('/')).toBe('404 not found\n');
    expect(await ask('/constructor')).toBe('404 not found\n');
    expect(await ask('/__proto__')).toBe('404 not found\n');
    expect(await ask('/healthz', 'POST')).toBe('405 method not allowed\n');
  });

  it('says in one line why it cannot listen', async () => {
    const options = { host: '127.0.0.1', port: server.port, live: () => undefined, ready: () => undefined };
    const second = serveStatus({ ...options, metrics: async () => ({ contentType: '', text: '' }), logger: pino() });
    await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1:${server.port}: EADDRINUSE`);
  });

  it('frees its port when it is closed', async () => {
    await ask('/healthz');
    const { port } = server;
    await server.close();
    const next = createServer();
    await new Promise<void>((resolve, reject) => next.once('error', reject).listen(port, '127.0.0.1', resolve));
    await new Promise((resolve) => next.close(resolve));
    expect(port).toBeGreaterThan(0);
  });
});
