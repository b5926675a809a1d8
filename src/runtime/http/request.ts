/** One request of a connection, as much of a `Request` as the doors read. */

import { fault } from "../../base/errors.ts";
import type { HeaderFields, HttpRequest } from "../../base/http-request.ts";
import type { BodyReader } from "./body.ts";
import type { Head } from "./head.ts";
import type { Pieces } from "./json-answer.ts";

/** What a request asks of its connection. */
export interface Carrier {
  readonly address: string;
  /** Somebody waits for the body. */
  wanted(request: ServedRequest): void;
  /** Sends 200 with this at once; false where the request is over, or it does not fit. */
  sendJson(request: ServedRequest, pieces: Pieces): boolean;
  /** The answer of a request whose handler gave `later`. */
  give(request: ServedRequest, answer: Response | Promise<Response>): void;
}

export class ServedRequest implements HttpRequest {
  readonly head: Head;
  readonly headers: HeaderFields;
  readonly carrier: Carrier;
  /** The body; undefined: not all of it is here. */
  whole: Uint8Array | undefined;
  /** Reads what is still to come. */
  reader: BodyReader | undefined;
  /** Has no idle timeout. */
  patient = false;
  /** Its answer has begun; all of it is written. */
  answered = false;
  complete = false;
  /** Its client was told that it may send the body. */
  told = false;
  tooLarge = false;
  /** Its client left. */
  aborted = false;
  #waiting: { resolve(bytes: Uint8Array): void; reject(error: Error): void } | undefined;
  #failed: Error | undefined;
  #onAbort: (() => void) | undefined;

  constructor(carrier: Carrier, head: Head) {
    this.carrier = carrier;
    this.head = head;
    this.headers = head.fields;
    this.whole = undefined;
    this.reader = undefined;
  }

  get method(): string {
    return this.head.method;
  }

  get url(): string {
    return this.head.url;
  }

  /** Itself: an AbortController for each request would cost more than the request. */
  get signal(): this {
    return this;
  }

  /** One listener: a second replaces it. */
  addEventListener(_type: "abort", listener: () => void): void {
    this.#onAbort = listener;
  }

  get body(): AsyncIterable<Uint8Array> {
    return bodyOf(this);
  }

  /** Rejects where the body is too large or broken, or its client left. */
  bytes(): Promise<Uint8Array> {
    if (this.whole !== undefined) return Promise.resolve(this.whole);
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    this.carrier.wanted(this);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  arrived(bytes: Uint8Array): void {
    this.whole = bytes;
    this.#waiting?.resolve(bytes);
    this.#waiting = undefined;
  }

  /** R1: it is larger than the door takes. */
  refuseBody(): void {
    if (this.tooLarge) return;
    this.tooLarge = true;
    this.failed(fault("GW_BODY_TOO_LARGE", { message: "The request is too large" }));
  }

  failed(why: Error): void {
    this.#failed = why;
    this.#waiting?.reject(why);
    this.#waiting = undefined;
  }

  /** Its client left. */
  gone(): void {
    this.aborted = true;
    if (this.whole === undefined) this.failed(new Error("the client left"));
    this.#onAbort?.();
  }
}

/** Asks when it is read: a rejection that nobody waits for would end the process (R17). */
async function* bodyOf(request: ServedRequest): AsyncGenerator<Uint8Array> {
  yield await request.bytes();
}
