import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Call } from './kube-call.ts';

const newline = 0x0a;

/** A watch that goes through the proxy. Whole lines are passed on, so that others can be put between them. */
export class OpenWatch {
  readonly call: Call;
  readonly #response: ServerResponse;
  #rest: Buffer = Buffer.alloc(0);
  #stalled = false;

  constructor(call: Call, answer: IncomingMessage, response: ServerResponse) {
    this.call = call;
    this.#response = response;
    response.flushHeaders();
    answer.on('data', (chunk: Buffer) => this.#pass(chunk));
    answer.on('end', () => this.#stalled || response.end());
  }

  /** Ends the connection in the middle of whatever it is in. */
  cut(): void {
    this.#response.destroy();
  }

  /** From now on nothing comes, and nothing says so. */
  stall(): void {
    this.#stalled = true;
  }

  /** Lets the server say this, as it is. */
  say(text: string | Uint8Array): void {
    this.#response.write(text);
  }

  /** A whole event. */
  tell(event: { type: string; object: object }): void {
    this.say(`${JSON.stringify(event)}\n`);
  }

  #pass(chunk: Buffer): void {
    if (this.#stalled) return;
    const bytes = Buffer.concat([this.#rest, chunk]);
    const end = bytes.lastIndexOf(newline) + 1;
    this.#rest = bytes.subarray(end);
    if (end > 0) this.#response.write(bytes.subarray(0, end));
  }
}
