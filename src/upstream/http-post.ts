/** One HTTP exchange of MCP: the JSON-RPC messages of its answer, whatever its framing. */

import { fault, type GatewayError } from "../base/errors.ts";
import { freeMemory } from "../base/free-memory.ts";
import { createGathered, type Gathered } from "../base/gathered.ts";
import { limits } from "../base/limits.ts";
import { giveMemory, takeMemory } from "../base/spare-memory.ts";
import type { StrictBody } from "../protocol/message.ts";
import { createSseDecoder, type SseDecoder } from "../protocol/sse.ts";
import { readUpstream } from "../protocol/strict-json.ts";
import { Exchange } from "./http-exchange.ts";
import type { Fields } from "./http-head.ts";
import type { HttpPool } from "./http-pool.ts";
import type { OutgoingRequest } from "./http-request.ts";
import type { ResultLimit } from "./settings.ts";
import { resultTooLarge } from "./too-large.ts";

export interface PostEvents {
  /** One JSON-RPC message of the answer. */
  message(body: StrictBody): void;
  /** The status and fields of a 2xx answer. */
  head?(status: number, fields: Fields): void;
  /** Instead of all else: another status than 2xx. `body` is cut to a few kB. */
  refused(status: number, fields: Fields, body: Uint8Array): void;
  /** Each event by its name, before anything is made of it; true: it was taken. */
  named?(name: string, data: Uint8Array): boolean;
  /** An event after which a stream can be resumed, and how long to wait until then. */
  event?(id: string | undefined, retryMs: number | undefined): void;
  /** The answer is complete. */
  end(): void;
  /** The end without a complete answer. `sent`: the server may have the request. */
  failed(error: GatewayError, sent: boolean, cause: Error | undefined): void;
}

export interface PostOptions {
  readonly pool: HttpPool;
  /** For error texts: the server's id, quoted. */
  readonly server: string;
  readonly limits: ResultLimit;
}

/**
 * Sends a request and reads its answer as it comes. With `cut`, long texts
 * of a result are cut short in `value`.
 */
export function post(
  options: PostOptions,
  request: OutgoingRequest,
  on: PostEvents,
  cut = false,
): Exchange {
  const reading = new Reading(options, request, on, cut);
  options.pool.send(reading);
  return reading;
}

type Kind = "none" | "json" | "events" | "refused" | "empty" | "bad";

class Reading extends Exchange {
  readonly #options: PostOptions;
  readonly #on: PostEvents;
  readonly #cut: boolean;
  #over = false;
  #kind: Kind = "none";
  #status = 0;
  #fields: Fields = noFields;
  /** What the head said of the length; the body, where it came as one chunk; where it did not. */
  #length: number | undefined;
  #only: Uint8Array | undefined;
  #body: Collector | undefined;
  #sse: SseDecoder | undefined;
  /** Events so far. */
  #told = 0;

  constructor(options: PostOptions, request: OutgoingRequest, on: PostEvents, cut: boolean) {
    super(request);
    this.#options = options;
    this.#on = on;
    this.#cut = cut;
  }

  head(status: number, fields: Fields, length: number | undefined): void {
    const good = status >= 200 && status < 300;
    if (!good) {
      this.#kind = "refused";
      this.#status = status;
      this.#fields = fields;
      this.#body = new Collector(undefined, limits.upstreamRefusalBytes);
      return;
    }
    this.#on.head?.(status, fields);
    this.#kind = this.#kindOf(status, fields, length);
    if (this.#kind === "json") this.#length = length;
    else if (this.#kind === "events") this.#sse = this.#decoder();
  }

  body(chunk: Uint8Array): void {
    if (this.#over) return;
    if (this.#kind === "json") this.#collect(chunk);
    else if (this.#sse !== undefined) this.#events(this.#sse, chunk);
    // Of a refusal the start is enough.
    else this.#body?.push(chunk);
  }

  #collect(chunk: Uint8Array): void {
    const most = this.#options.limits.resultBytes;
    if (chunk.length === this.#length && chunk.length <= most) {
      this.#only = chunk;
      return;
    }
    this.#body ??= new Collector(this.#length, most);
    if (!this.#body.push(chunk)) this.#tooLarge(this.#body.seen, this.#body.isWhole);
  }

  end(): void {
    if (this.#over) return;
    if (this.#kind === "json") {
      const bytes = this.#only ?? this.#body?.bytes() ?? none;
      if (bytes.length > 0) this.#read(bytes, this.#body?.own());
      if (this.#over) return;
    }
    this.#over = true;
    if (this.#kind === "refused") {
      this.#on.refused(this.#status, this.#fields, (this.#body as Collector).bytes());
    } else if (this.#kind !== "bad") this.#on.end();
  }

  failed(error: Error, sent: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#on.failed(lost(this.#options.server, error, sent), sent, error);
  }

  #events(sse: SseDecoder, chunk: Uint8Array): void {
    const before = this.#told;
    sse.push(chunk);
    // Comments and empty lines for ever.
    if (this.#told > before || sse.isWithin()) return;
    this.rest(chunk.length, limits.streamRestMs);
  }

  #kindOf(status: number, fields: Fields, length: number | undefined): Kind {
    const coding = fields.get("content-encoding");
    // L12, U19: none was asked for.
    if (coding !== undefined && coding.toLowerCase() !== "identity") {
      this.#stop(odd(this.#options.server, `its answer is encoded as ${coding.slice(0, 20)}`));
      return "bad";
    }
    const type = mediaType(fields.get("content-type"));
    if (type === "application/json") return "json";
    if (type === "text/event-stream") return "events";
    if (status === 202 || status === 204 || length === 0) return "empty";
    this.#stop(odd(this.#options.server, "its answer is neither JSON nor an event stream"));
    return "bad";
  }

  #decoder(): SseDecoder {
    return createSseDecoder({
      maxBytes: this.#options.limits.resultBytes,
      event: (event) => {
        this.#told += 1;
        const { id, retry } = event;
        if (id !== undefined || retry !== undefined) this.#on.event?.(id, retry);
        if (this.#on.named?.(event.event, event.data) === true) return;
        // A priming event has an id and no data.
        if (event.data.length > 0) this.#read(event.data, undefined);
      },
      tooLarge: (size) => this.#tooLarge(size, false),
    });
  }

  /** `own`: the memory of `bytes`, when nothing else is in it. */
  #read(bytes: Uint8Array, own: ArrayBuffer | undefined): void {
    const read = readUpstream(bytes, this.#cut);
    if (!read.ok) {
      const cause = `its answer cannot be read: ${read.error.message}`;
      this.#stop(odd(this.#options.server, cause));
      return;
    }
    if (own !== undefined) read.value.release = () => giveMemory(own);
    this.#on.message(read.value);
  }

  #tooLarge(seen: number, whole: boolean): void {
    this.#stop(resultTooLarge(this.#options.server, this.#options.limits, seen, whole));
  }

  #stop(error: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.abort();
    this.#on.failed(error, true, undefined);
  }
}

const noFields: Fields = new Map();
const none = new Uint8Array(0);

/** A body of several chunks as one array: copied once. */
class Collector {
  readonly #length: number | undefined;
  readonly #max: number;
  #whole: Uint8Array<ArrayBuffer> | undefined;
  #parts: Gathered | undefined;
  #size = 0;

  constructor(length: number | undefined, max: number) {
    this.#length = length;
    this.#max = max;
  }

  /** False when it is over the limit; nothing is kept then. */
  push(chunk: Uint8Array): boolean {
    const length = this.#length;
    this.#size += chunk.length;
    if (this.#size > this.#max || (length ?? 0) > this.#max) {
      this.#whole = this.#parts = undefined;
      return false;
    }
    if (length === undefined) {
      this.#parts ??= createGathered();
      this.#parts.add(chunk);
    } else {
      this.#whole ??= takeMemory(length);
      const at = this.#size - chunk.length;
      this.#whole.set(chunk, at);
      // What stands before it in the memory of its chunk was the head.
      freeMemory(chunk, limits.upstreamHeaderBytes);
    }
    return true;
  }

  /** How many there are, where the head said so; else how many came. */
  get seen(): number {
    return this.#length ?? this.#size;
  }

  get isWhole(): boolean {
    return this.#length !== undefined;
  }

  bytes(): Uint8Array {
    return this.#whole ?? this.#parts?.take() ?? none;
  }

  /** The memory of `bytes`, when it was made here and holds nothing else. */
  own(): ArrayBuffer | undefined {
    return this.#whole?.buffer;
  }
}

/** `text/event-stream; charset=utf-8` → `text/event-stream`. */
function mediaType(field: string | undefined): string {
  if (field === undefined) return "";
  const end = field.indexOf(";");
  return (end < 0 ? field : field.slice(0, end)).trim().toLowerCase();
}

function odd(server: string, cause: string): GatewayError {
  return fault("GW_UPSTREAM_ERROR", { message: `Cannot use the answer of "${server}"`, cause });
}

function lost(server: string, error: Error, sent: boolean): GatewayError {
  const cause = reason(error);
  if (!sent) return fault("GW_UPSTREAM_DOWN", { message: `Cannot reach "${server}"`, cause });
  return fault("GW_UPSTREAM_LOST", { message: `The connection to "${server}" broke`, cause });
}

/** `ECONNREFUSED: Failed to connect`: an errno name says more than a runtime's text. */
export function reason(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? `${code} (${error.message})` : error.message;
}
