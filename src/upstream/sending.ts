/** One request to a server from its sending to its end, and what is learnt from that end. */

import type { GatewayError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Era, StrictBody } from "../protocol/message.ts";
import type { Breaker } from "./breaker.ts";
import type { Health } from "./health.ts";
import type { Link, Sent } from "./link.ts";
import type { Load } from "./load.ts";
import type { ServerRequest, UpstreamCall, UpstreamRequest, UpstreamSink } from "./upstream.ts";

/** Whom a request tells how it went. */
export interface Counted {
  readonly load: Load;
  readonly breaker: Breaker;
  readonly health: Health;
  readonly again: (sending: Sending) => Promise<void>;
}

/** One request on its way: counts it out at its end. One object and no closures for each call. */
export class Sending implements UpstreamSink, UpstreamCall {
  readonly #counted: Counted;
  readonly #request: UpstreamRequest;
  readonly #sink: UpstreamSink;
  era: Era = "legacy";
  over = false;
  #sent: Sent | undefined;
  #tries = 0;

  constructor(counted: Counted, request: UpstreamRequest, sink: UpstreamSink) {
    this.#counted = counted;
    this.#request = request;
    this.#sink = sink;
  }

  send(to: Link, id: number): void {
    this.#tries += 1;
    this.era = to.hello.era;
    this.#sent = to.send(id, this.#request, this);
  }

  notification(method: string, params: JsonObject): void {
    if (!this.over) this.#sink.notification(method, params);
  }

  crowded(bytes: Uint8Array | undefined): void {
    if (!this.over) this.#sink.crowded?.(bytes);
  }

  request(asked: ServerRequest): void {
    if (this.over) asked.error(-32603, "The call is over");
    else this.#sink.request(asked);
  }

  response(message: StrictBody): void {
    if (!this.#end()) return;
    this.#counted.breaker.good();
    this.#counted.health.seen();
    this.#sink.response(message);
  }

  failed(error: GatewayError, mayHaveRun: boolean): void {
    const neverLeft = !mayHaveRun && error.code === "GW_UPSTREAM_DOWN";
    if (neverLeft && this.#sent !== undefined && this.#tries === 1 && !this.over) {
      this.#sent = undefined;
      void this.#counted.again(this);
    } else if (this.#end()) {
      if (mayHaveRun && failsServer.has(error.code)) this.#counted.breaker.bad(error.why);
      this.#sink.failed(error, mayHaveRun);
    }
  }

  cancel(reason: string, late = false): void {
    if (!this.#end()) return;
    if (late) this.#counted.breaker.bad(reason);
    this.#sent?.cancel(reason);
    if (late) this.#counted.health.suspect();
  }

  /** False when it was over before. */
  #end(): boolean {
    if (this.over) return false;
    this.over = true;
    this.#counted.load.end();
    return true;
  }
}

const failsServer: ReadonlySet<string> = new Set(["GW_UPSTREAM_LOST", "GW_UPSTREAM_ERROR"]);
