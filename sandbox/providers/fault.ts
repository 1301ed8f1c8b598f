import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './answer.ts';

/** Something that goes wrong with requests that match. */
export interface Fault {
  /** An operation, or the name of a certificate; everything when left out. */
  match?: 'list' | 'download' | 'token' | 'check' | 'create' | 'delete' | (string & {});
  /** For so many matching requests; until `clearFaults()` when left out. */
  times?: number;

  /**
   * Answers with this status (and an error body as the provider's gateway writes it). What was asked for is not done then;
   * with every fault that has neither status nor code it is.
   */
  status?: number;
  /** Answers with an error body of the provider that holds this code; the status is 200 unless given. */
  code?: number | string;
  body?: string | Uint8Array;
  /** Added to, or instead of, the headers of the answer. */
  headers?: Record<string, string>;
  retryAfter?: number | string;
  redirect?: string;

  latencyMs?: number;
  /** Resets the connection instead of an answer. */
  reset?: boolean;
  /** Never answers, or stops in the middle of the body. */
  stall?: 'headers' | 'body';
  /** Sends the body byte by byte, with so many milliseconds between. */
  dripMs?: number;
  /** Announces the whole length, sends half and closes. */
  cut?: boolean;
}

/** The faults in force, in the order in which they were asked for. */
export class Faults {
  #faults: { fault: Fault; left: number }[] = [];

  /** @returns what ends it */
  add(fault: Fault): () => void {
    const added = { fault, left: fault.times ?? Infinity };
    this.#faults.push(added);
    return () => void (this.#faults = this.#faults.filter((one) => one !== added));
  }

  clear(): void {
    this.#faults = [];
  }

  /** The first fault that matches; it is used up by one. */
  take(operation: string, name: string | undefined): Fault | undefined {
    const matches = ({ match }: Fault): boolean => match === undefined || match === operation || match === name;
    const next = this.#faults.find(({ fault, left }) => left > 0 && matches(fault));
    if (next) next.left--;
    return next?.fault;
  }
}

/** Sends an answer, in the way that the fault has it. Ends when the answer is sent, or the connection is gone. */
export async function send(response: ServerResponse, answer: Answer, fault: Fault = {}): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const { status, headers, body } = faulty(answer, fault);
  try {
    await sleep(fault.latencyMs ?? 0, undefined, { signal: gone.signal });
    if (fault.reset) return void response.socket?.resetAndDestroy();
    if (fault.stall === 'headers') return await forever(gone.signal);
    response.writeHead(status, { 'content-length': body.length, ...headers });
    if (fault.dripMs !== undefined) {
      for (const byte of body) {
        response.write(Buffer.of(byte));
        await sleep(fault.dripMs, undefined, { signal: gone.signal });
      }
    } else if (fault.stall === 'body' || fault.cut) {
      response.write(body.subarray(0, body.length / 2));
      if (fault.stall) return await forever(gone.signal);
      await sleep(20, undefined, { signal: gone.signal }); // lets the half arrive
      return void response.socket?.destroy();
    } else {
      response.write(body);
    }
    response.end();
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
}

function faulty(answer: Answer, fault: Fault): Answer {
  return {
    status: fault.status ?? (fault.redirect === undefined ? answer.status : 302),
    headers: {
      ...answer.headers,
      ...(fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }),
      ...(fault.redirect === undefined ? {} : { location: fault.redirect }),
      ...fault.headers,
    },
    body: fault.body === undefined ? answer.body : Buffer.from(fault.body),
  };
}

function forever(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
