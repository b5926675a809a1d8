/** One request on a connection, told of its answer. */

import type { Fields } from "./http-head.ts";
import type { OutgoingRequest } from "./http-request.ts";

/**
 * Whoever sends makes his own of it: one object a call, as an object of functions, or one for each
 * layer, would cost more than the call's own work here.
 */
export abstract class Exchange {
  readonly request: OutgoingRequest;
  sent = false;
  aborted = false;
  /** The pool's business. */
  carrier: Carrier | undefined;

  constructor(request: OutgoingRequest) {
    this.request = request;
  }

  abstract head(status: number, fields: Fields, length: number | undefined): void;
  abstract body(chunk: Uint8Array): void;
  /** The response is complete. */
  abstract end(): void;
  /** Instead of end. `sent`: bytes of the request may have reached the server. */
  abstract failed(error: Error, sent: boolean): void;

  /** Cuts the connection unless the response is complete; no event follows. */
  abort(): void {
    this.aborted = true;
    this.carrier?.drop();
  }

  /** So many bytes were too many: after some of them it is not read for a while (U18). */
  rest(bytes: number, ms?: number): void {
    this.carrier?.rest(bytes, ms);
  }
}

export interface Carrier {
  /** Sends the request of the exchange that it carries. */
  write(): void;
  drop(): void;
  rest(bytes: number, ms?: number): void;
}
