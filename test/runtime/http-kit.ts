/** A connection of our own HTTP server over a socket in memory. */

import { Connection, type Shared, sent } from "../../src/runtime/http/connection.ts";
import type { ServedRequest } from "../../src/runtime/http/request.ts";

export interface FakeWire {
  /** What the client has got. */
  readonly out: Buffer;
  /** shutdown, end or terminate, the first of them. */
  readonly ended: string | undefined;
  readonly paused: boolean;
  /** Of what is written, so much is taken each time; what is left over needs a drain. */
  take(): number;
  /** A write was taken only in part. */
  full: boolean;
}

export interface Line {
  readonly wire: FakeWire;
  readonly connection: Connection;
  readonly shared: { now: number; ending: boolean; idleMs: number; unix: boolean };
  /** How often it told that it is over. */
  overs(): number;
  /** Bytes from the client, in copies of their own as the socket gives them. */
  send(bytes: string | Uint8Array): void;
  /** Lets what was started run, and the socket take what it was given. */
  settle(): Promise<void>;
}

type Handle = (request: ServedRequest) => Response | Promise<Response>;

export function open(handle: Handle, most = 1000, take = () => Number.POSITIVE_INFINITY): Line {
  const state = { out: Buffer.alloc(0), ended: undefined as string | undefined, paused: false };
  let overs = 0;
  const wire = Object.assign(state, { take, full: false });
  const shared: Shared & Line["shared"] = {
    ...{ unix: false, bodyBytesMax: most, idleMs: 1000, ending: false, now: 1 },
    handle,
    malformed: (status, why) => new Response(why, { status }),
    wallMs: () => 0,
    over: () => {
      overs += 1;
    },
  };
  const end = (how: string) => {
    wire.ended ??= how;
  };
  const connection = new Connection(
    {
      write(chunk, start = 0, length) {
        const whole = typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk);
        const bytes = whole.subarray(start, length === undefined ? undefined : start + length);
        const taken = Math.min(bytes.length, wire.take());
        wire.out = Buffer.concat([wire.out, bytes.subarray(0, taken)]);
        if (taken < bytes.length) wire.full = true;
        return taken;
      },
      pause: () => {
        wire.paused = true;
      },
      resume: () => {
        wire.paused = false;
      },
      shutdown: () => end("shutdown"),
      end: () => end("end"),
      terminate: () => end("terminate"),
      get remoteAddress() {
        return wire.ended === undefined ? "192.0.2.1" : undefined;
      },
    },
    shared,
  );
  return {
    ...{ wire, connection, shared },
    overs: () => overs,
    send: (bytes) => connection.data(Buffer.from(bytes as string)),
    async settle() {
      let size = wire.out.length;
      for (let quiet = 0; quiet < 12; quiet += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        if (wire.full) {
          wire.full = false;
          connection.drain();
          quiet = 0;
        }
        if (wire.out.length > size) quiet = 0;
        size = wire.out.length;
      }
    },
  };
}

/** Answers with what the request was: its path and its body. */
export async function echo(request: ServedRequest): Promise<Response> {
  const body = new TextDecoder().decode(request.whole ?? (await request.bytes()));
  return new Response(`${request.method} ${new URL(request.url).pathname} ${body}`);
}

/** The same through `sendJson`. */
export function echoAtOnce(request: ServedRequest): Response {
  const body = new TextDecoder().decode(request.whole);
  const text = `${request.method} ${new URL(request.url).pathname} ${body}`;
  return request.carrier.sendJson(request, [text]) ? sent : new Response("not sent");
}

export function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

export interface Reply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Reads answers strictly; throws where they are none. `heads`: which have no body (HEAD). */
export function replies(out: Buffer, heads: (at: number) => boolean = () => false): Reply[] {
  const found: Reply[] = [];
  let at = 0;
  while (at < out.length) {
    const end = out.indexOf("\r\n\r\n", at);
    if (end < 0) throw new Error(`half a head: ${out.subarray(at)}`);
    const [first = "", ...lines] = out.toString("latin1", at, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    const headers = new Map(lines.map((line) => line.split(": ", 2) as [string, string]));
    at = end + 4;
    if (status === 100) {
      found.push({ status, headers, body: "" });
      continue;
    }
    const length = headers.get("content-length");
    let body = "";
    if (heads(found.length) || status === 204) body = "";
    else if (length !== undefined) {
      body = out.toString("utf8", at, at + Number(length));
      at += Number(length);
      if (at > out.length) throw new Error("half a body");
    } else if (headers.get("transfer-encoding") === "chunked") {
      for (let size = -1; size !== 0; ) {
        const line = out.indexOf("\r\n", at);
        size = Number.parseInt(out.toString("latin1", at, line), 16);
        body += out.toString("utf8", line + 2, line + 2 + size);
        at = line + 4 + size;
        if (!(at <= out.length)) throw new Error("half a chunk");
      }
    } else {
      body = out.toString("utf8", at);
      at = out.length;
    }
    found.push({ status, headers, body });
  }
  return found;
}

export const head = (line: string, ...fields: string[]) =>
  `${[line, "Host: h", ...fields].join("\r\n")}\r\n\r\n`;
export const get = (path: string, ...fields: string[]) => head(`GET ${path} HTTP/1.1`, ...fields);
export const post = (path: string, body: string, ...fields: string[]) =>
  `${head(`POST ${path} HTTP/1.1`, ...fields, `Content-Length: ${body.length}`)}${body}`;
export const raw = (body: string) =>
  `${head("POST /a HTTP/1.1", "Transfer-Encoding: chunked")}${body}`;
export const chunked = (path: string, ...chunks: string[]) => {
  const parts = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${head(`POST ${path} HTTP/1.1`, "Transfer-Encoding: chunked")}${parts.join("")}0\r\n\r\n`;
};

/** Status, body and how the connection went on, of each answer. */
export async function talk(line: Line, ...sent: (string | Uint8Array)[]): Promise<string[]> {
  for (const bytes of sent) {
    line.send(bytes);
    await line.settle();
  }
  const all = replies(line.wire.out).map(({ status, body, headers }) => {
    const close = headers.get("connection") === "close" ? " close" : "";
    return `${status}${close} ${body}`;
  });
  return line.wire.ended === undefined ? all : [...all, line.wire.ended];
}
