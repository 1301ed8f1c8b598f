import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { writeKubeconfig } from './kube/support.ts';

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** What happens in the process that nobody foresaw, at SIGUSR2 or, before the operator hears of it, at SIGTERM. */
const surprises = {
  'an exception': "process.on('SIGUSR2', () => { throw new Error('boom'); });",
  'a rejection that nobody handles': "process.on('SIGUSR2', () => { void Promise.reject(new Error('boom')); });",
  // The first one to be aborted is the signal to stop; then the operator ends what it has begun.
  'an end of the operator that fails': `process.on('SIGTERM', () => {
    const { abort } = AbortController.prototype;
    AbortController.prototype.abort = function (...reason) {
      AbortController.prototype.abort = () => { throw new Error('boom'); };
      abort.apply(this, reason);
    };
  });`,
};

test.for(Object.entries(surprises))('%s ends the process, with one line of the log', async ([, surprise]) => {
  const operator = spawn(
    process.execPath,
    [
      `--import=data:text/javascript,${encodeURIComponent(surprise)}`,
      main,
      `--kubeconfig=${writeKubeconfig({ server: 'http://127.0.0.1:1' })}`,
      '--listen-address=127.0.0.1:0',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: {}, timeout: 50_000, killSignal: 'SIGKILL' },
  );
  const errors = text(operator.stderr);
  const exited = new Promise<unknown>((resolve) => void operator.once('exit', (...how) => resolve(how)));
  let log = '';
  operator.stdout.setEncoding('utf8');
  for await (const chunk of operator.stdout) {
    if (!log.includes(' starts"') && (log + chunk).includes(' starts"'))
      operator.kill(surprise.includes('SIGTERM') ? 'SIGTERM' : 'SIGUSR2');
    log += chunk;
  }
  expect(await exited).toEqual([1, null]);
  expect(await errors).toBe('');
  const lines = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ level }) => level === 'fatal')).toEqual([lines.at(-1)]);
  expect(lines.at(-1)).toMatchObject({ msg: 'an unexpected error ends the process', err: { message: 'boom' } });
});
