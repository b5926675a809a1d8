/** One HTTP exchange of MCP: the JSON-RPC messages of its answer, whatever its framing. */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { StrictBody } from "../protocol/message.ts";
import { createSseDecoder, type SseDecoder } from "../protocol/sse.ts";
import { readUpstream } from "../protocol/strict-json.ts";
import type { Fields } from "./http-head.ts";
import type { Exchange, HttpPool } from "./http-pool.ts";

export interface PostEvents {
  /** One JSON-RPC message of the answer. */
  message(body: StrictBody): void;
  /** The status and fields of a 2xx answer. */
  head?(status: number, fields: Fields): void;
  /** Instead of all else: another status than 2xx. `body` is cut to a few kB. */
  refused(status: number, fields: Fields, body: Uint8Array): void;
  /** The answer is complete; `lastEventId` is what a stream can be resumed after. */
  end(lastEventId: string | undefined): void;
  /** The end without a complete answer. `sent`: the server may have the request. */
  failed(error: GatewayError, sent: boolean, cause: Error | undefined): void;
}

export interface PostOptions {
  readonly pool: HttpPool;
  /** For error texts: the server's id, quoted. */
  readonly server: string;
  readonly resultBytes: number;
}

/**
 * Sends a request made by `encodeRequest` and reads its answer as it comes. With `cut`, long texts
 * of a result are cut short in `value`.
 */
export function post(
  options: PostOptions,
  request: readonly Uint8Array[],
  on: PostEvents,
  cut = false,
): Exchange {
  let reader: BodyReader | undefined;
  let over = false;

  function stop(error: GatewayError): void {
    if (over) return;
    over = true;
    exchange.abort();
    on.failed(error, true, undefined);
  }
  const exchange = options.pool.send(request, {
    head(status, fields, length) {
      const good = status >= 200 && status < 300;
      if (!good) reader = refusedReader(status, fields, on);
      else {
        on.head?.(status, fields);
        const { server, resultBytes } = options;
        reader = readerFor(status, fields, length, { server, resultBytes, on, cut, stop });
      }
    },
    body(chunk) {
      if (!over) reader?.push(chunk);
    },
    end() {
      if (over) return;
      reader?.end();
      if (over) return;
      over = true;
      reader?.done?.();
    },
    failed(error, sent) {
      if (over) return;
      over = true;
      on.failed(lost(options.server, error, sent), sent, error);
    },
  });
  return exchange;
}

interface BodyReader {
  push(chunk: Uint8Array): void;
  end(): void;
  done?(): void;
}

interface ReaderContext extends Pick<PostOptions, "server" | "resultBytes"> {
  readonly on: PostEvents;
  readonly cut: boolean;
  stop(error: GatewayError): void;
}

function readerFor(
  status: number,
  fields: Fields,
  length: number | undefined,
  context: ReaderContext,
): BodyReader {
  const coding = fields.get("content-encoding");
  // L12, U19: none was asked for.
  if (coding !== undefined && coding.toLowerCase() !== "identity") {
    context.stop(odd(context.server, `its answer is encoded as ${coding.slice(0, 20)}`));
    return ignore;
  }
  const type = mediaType(fields.get("content-type"));
  if (type === "application/json") return jsonReader(length, context);
  if (type === "text/event-stream") return eventReader(context);
  if (status === 202 || status === 204 || length === 0) {
    return { ...ignore, done: () => context.on.end(undefined) };
  }
  context.stop(odd(context.server, "its answer is neither JSON nor an event stream"));
  return ignore;
}

const ignore: BodyReader = { push: () => undefined, end: () => undefined };

function jsonReader(length: number | undefined, context: ReaderContext): BodyReader {
  const body = collector(length, context.resultBytes, () => context.stop(tooLarge(context)));
  return {
    push: body.push,
    end() {
      const bytes = body.bytes();
      if (bytes.length > 0) readMessage(bytes, context, body.own());
    },
    done: () => context.on.end(undefined),
  };
}

function eventReader(context: ReaderContext): BodyReader {
  let last: string | undefined;
  const decoder: SseDecoder = createSseDecoder({
    maxBytes: context.resultBytes,
    event(event) {
      if (event.id !== undefined && event.id !== "") last = event.id;
      // A priming event has an id and no data.
      if (event.data.length > 0) readMessage(event.data, context);
    },
    tooLarge: () => context.stop(tooLarge(context)),
  });
  return {
    push: (chunk) => decoder.push(chunk),
    end: () => undefined,
    done: () => context.on.end(last),
  };
}

/** `own`: the memory of `bytes`, when nothing else is in it. */
function readMessage(bytes: Uint8Array, context: ReaderContext, own?: ArrayBuffer): void {
  const read = readUpstream(bytes, context.cut);
  if (read.ok) {
    const release = () => void (own?.detached === false && own.transfer(0));
    context.on.message(own === undefined ? read.value : { ...read.value, release });
  } else context.stop(odd(context.server, `its answer cannot be read: ${read.error.message}`));
}

/** An answer that refuses: enough of its text to see a JSON-RPC error in it. */
function refusedReader(status: number, fields: Fields, on: PostEvents): BodyReader {
  const body = collector(undefined, limits.upstreamRefusalBytes, () => undefined);
  return {
    push: body.push,
    end: () => undefined,
    done: () => on.refused(status, fields, body.bytes()),
  };
}

interface Collector {
  push(chunk: Uint8Array): void;
  bytes(): Uint8Array;
  /** Of `bytes`, when it was made here and holds nothing else. */
  own(): ArrayBuffer | undefined;
}

/** The body as one array: the very chunk if there was only one, else copied once. */
function collector(length: number | undefined, max: number, over: () => void): Collector {
  let only: Uint8Array | undefined;
  let whole: Uint8Array<ArrayBuffer> | undefined;
  let parts: Uint8Array[] = [];
  let size = 0;
  return {
    push(chunk) {
      size += chunk.length;
      if (size > max || (length ?? 0) > max) {
        [only, whole, parts] = [undefined, undefined, []];
        over();
      } else if (length === chunk.length) only = chunk;
      else if (length === undefined) parts.push(chunk);
      else {
        // Pages that are not written cost nothing, so a false length costs nothing.
        whole ??= Buffer.allocUnsafeSlow(length);
        whole.set(chunk, size - chunk.length);
      }
    },
    own: () => whole?.buffer,
    bytes: () => only ?? whole ?? (parts.length === 1 ? parts[0]! : Buffer.concat(parts)),
  };
}

/** `text/event-stream; charset=utf-8` → `text/event-stream`. */
function mediaType(field: string | undefined): string {
  if (field === undefined) return "";
  const end = field.indexOf(";");
  return (end < 0 ? field : field.slice(0, end)).trim().toLowerCase();
}

function tooLarge(context: ReaderContext): GatewayError {
  return fault("GW_RESULT_TOO_LARGE", {
    message: `The answer of "${context.server}" is larger than ${context.resultBytes} bytes`,
  });
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
