/**
 * Calls over a server's max_in_flight: they wait for their turn, one of each key in turn, while
 * their deadlines run (R14). A call that finds room goes straight on and costs nothing here.
 */

import { asFault, fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Era } from "../protocol/message.ts";
import { createFairLine } from "./fair-line.ts";
import type { Load } from "./load.ts";
import type { ServerSettings } from "./settings.ts";
import type { Upstream, UpstreamCall, UpstreamRequest, UpstreamSink } from "./upstream.ts";

export interface Queue {
  /** Nobody waits and the server may have one more. */
  hasRoom(): boolean;
  /** Throws GW_UPSTREAM_BUSY when as many wait as may. */
  add(request: UpstreamRequest, sink: UpstreamSink): UpstreamCall;
  readonly size: number;
  /** A request at the server has ended. */
  freed(): void;
}

export interface QueueOptions {
  readonly config: Pick<ServerSettings, "id" | "maxInFlight" | "maxQueued">;
  readonly load: Load;
  readonly send: Upstream["send"];
}

export function createQueue({ config, load, send }: QueueOptions): Queue {
  const line = createFairLine<Queued>();
  let bytes = 0;
  let soon = false;

  function leave(one: Queued): void {
    if (line.remove(one.owner, one)) bytes -= one.bytes;
  }

  function start(): void {
    soon = false;
    while (line.size > 0 && load.inFlight < config.maxInFlight) {
      const next = line.take();
      if (next === undefined) return;
      bytes -= next.bytes;
      next.start(send);
    }
  }

  /** Who has more waiting than the newcomer gives up the last one, or one key takes all places. */
  function makeRoom(owner: string, size: number): void {
    const isFull = () =>
      line.size >= config.maxQueued ||
      (line.size > 0 && bytes + size > limits.queuedBytesPerServer);
    while (isFull()) {
      const longest = line.longest();
      if (longest === undefined || line.count(longest.owner) <= line.count(owner) + 1) {
        throw full(config, load.inFlight, line.size);
      }
      const { last } = longest;
      leave(last);
      last.failed(full(config, load.inFlight, line.size));
    }
  }

  return {
    hasRoom: () => line.size === 0 && load.inFlight < config.maxInFlight,
    get size() {
      return line.size;
    },
    add(request, sink) {
      const one = new Queued(request, sink, config, leave);
      makeRoom(one.owner, one.bytes);
      line.add(one.owner, one);
      bytes += one.bytes;
      return one;
    },
    freed() {
      // Not at once: a turn that ends its count begins the same place anew.
      if (soon || line.size === 0) return;
      soon = true;
      queueMicrotask(start);
    },
  };
}

function full({ id, maxInFlight, maxQueued }: QueueOptions["config"], busy: number, size: number) {
  const setting = `servers.${id}.max_queued`;
  const waits = size === 0 ? "" : `, and ${size} wait for their turn`;
  const places =
    size < maxQueued
      ? `calls that wait may have ${limits.queuedBytesPerServer} bytes together`
      : `${setting} is ${maxQueued}`;
  return fault("GW_UPSTREAM_BUSY", {
    message: `"${id}" has ${busy} calls in flight${waits}`,
    cause: `servers.${id}.max_in_flight is ${maxInFlight}, ${places}; nothing was sent`,
    data: { setting, limit: maxQueued },
  });
}

class Queued implements UpstreamCall {
  readonly owner: string;
  readonly bytes: number;
  readonly #request: UpstreamRequest;
  readonly #sink: UpstreamSink;
  readonly #config: QueueOptions["config"];
  readonly #leave: (one: Queued) => void;
  #call: UpstreamCall | undefined;
  #started = false;
  #cancelled: string | undefined;

  constructor(
    request: UpstreamRequest,
    sink: UpstreamSink,
    config: QueueOptions["config"],
    leave: (one: Queued) => void,
  ) {
    this.owner = request.origin?.keyId ?? "";
    this.bytes = request.bytes ?? 0;
    this.#request = request;
    this.#sink = sink;
    this.#config = config;
    this.#leave = leave;
  }

  get era(): Era {
    return this.#call?.era ?? "legacy";
  }

  get waitsFor(): string | undefined {
    if (this.#started) return this.#call?.waitsFor;
    const { id, maxInFlight } = this.#config;
    return `servers.${id}.max_in_flight is ${maxInFlight}`;
  }

  start(send: Upstream["send"]): void {
    this.#started = true;
    try {
      const sent = send(this.#request, this.#sink);
      if (!(sent instanceof Promise)) this.#taken(sent);
      else {
        sent.then(
          (call) => this.#taken(call),
          (thrown) => this.failed(thrown),
        );
      }
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  failed(thrown: unknown): void {
    if (this.#cancelled !== undefined) return;
    const error: GatewayError = asFault(thrown, "Cannot make the call");
    this.#sink.failed(error, false);
  }

  cancel(reason: string, late?: boolean): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = reason;
    if (!this.#started) this.#leave(this);
    else this.#call?.cancel(reason, late);
  }

  #taken(call: UpstreamCall): void {
    this.#call = call;
    if (this.#cancelled !== undefined) call.cancel(this.#cancelled);
  }
}
