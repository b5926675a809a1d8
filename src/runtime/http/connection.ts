/** One connection of a client: requests in, one after another, and their answers out. */

import { limits } from "../../base/limits.ts";
import type { SendQueue } from "../send-queue.ts";
import { createSendQueue } from "../send-queue.ts";
import { BodyReader } from "./body.ts";
import type { Fields, Head } from "./head.ts";
import { HeadReader } from "./head-reader.ts";
import { begin, headText, jsonAnswer, type Pieces } from "./reply.ts";

/** What the runtime gives for one connection. */
export interface Wire {
  /** How many bytes it took; less than all: `drained` follows. */
  write(chunk: Uint8Array | string, start?: number, length?: number): number;
  pause(): void;
  resume(): void;
  /** Sends what was written, then ends. */
  end(): void;
  terminate(): void;
  readonly remoteAddress: string;
}

export interface Served {
  readonly bodyBytesMax: number;
  readonly idleMs: number;
  /** No further request on any connection. */
  readonly ending: boolean;
  /** Monotonic ms, now and then. */
  readonly now: number;
  handle(request: ServedRequest): Response | Promise<Response>;
  wallMs(): number;
  over(connection: Connection): void;
}

/** Stands for an answer that was sent already. */
export const sent: Response = new Response(null);

export class ServedRequest {
  readonly connection: Connection;
  readonly head: Head;
  readonly headers: Fields;
  /** undefined: not here yet. */
  whole: Uint8Array | undefined;
  reader: BodyReader | undefined;
  #waiting: { resolve(bytes: Uint8Array): void; reject(error: Error): void } | undefined;
  #failed: Error | undefined;
  #abort: AbortController | undefined;
  #gone = false;
  patient = false;
  answered = false;

  constructor(connection: Connection, head: Head) {
    this.connection = connection;
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

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#gone) this.#abort.abort();
    return this.#abort.signal;
  }

  get body(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      start: async (controller) => {
        controller.enqueue(await this.bytes());
        controller.close();
      },
    });
  }

  bytes(): Promise<Uint8Array> {
    if (this.whole !== undefined) return Promise.resolve(this.whole);
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    this.connection.wanted(this);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  arrived(bytes: Uint8Array): void {
    this.whole = bytes;
    this.reader = undefined;
    this.#waiting?.resolve(bytes);
    this.#waiting = undefined;
  }

  failed(why: string): void {
    this.#failed = new Error(why);
    this.#waiting?.reject(this.#failed);
    this.#waiting = undefined;
  }

  gone(): void {
    this.#gone = true;
    if (this.whole === undefined) this.failed("the client left");
    this.#abort?.abort();
  }
}

export class Connection {
  readonly #wire: Wire;
  readonly #served: Served;
  readonly #queue: SendQueue;
  readonly #heads = new HeadReader();
  /** Bytes that are not read yet. */
  #kept: Buffer | undefined;
  #paused = false;
  #over = false;
  #ending = false;
  /** Being read or answered. */
  current: ServedRequest | undefined;
  #drained: (() => void) | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Monotonic ms of the last byte in or out; of the first byte of a head that is not complete. */
  movedAt: number;
  headAt = 0;

  constructor(wire: Wire, served: Served) {
    this.#wire = wire;
    this.#served = served;
    this.#queue = createSendQueue((chunk, start, length) => wire.write(chunk, start, length));
    this.movedAt = served.now;
  }

  get address(): string {
    return this.#wire.remoteAddress;
  }

  data(chunk: Buffer): void {
    this.movedAt = this.#served.now;
    const { current } = this;
    if (this.#ending) return;
    if (current === undefined) {
      const kept = this.#kept;
      this.#kept = undefined;
      this.#readHead(kept === undefined ? chunk : Buffer.concat([kept, chunk]), 0);
    } else if (current.reader !== undefined) this.#readBody(current, current.reader, chunk, 0);
    else this.#keep(chunk);
  }

  drain(): void {
    this.movedAt = this.#served.now;
    if (!this.#queue.drain()) return;
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  closed(): void {
    if (this.#over) return;
    this.#over = true;
    const { current } = this;
    this.current = undefined;
    this.#kept = undefined;
    current?.gone();
    this.#reader?.cancel().catch(() => undefined);
    this.#drained?.();
    this.#served.over(this);
  }

  /** Once a second or so. */
  tick(now: number): void {
    const { idleMs } = this.#served;
    if (this.headAt !== 0 && now - this.headAt > idleMs) return this.terminate();
    if (this.current?.patient !== true && now - this.movedAt > idleMs) this.terminate();
  }

  /** No further request: ends now where none is under way. */
  finish(): void {
    if (this.current === undefined) this.#end();
  }

  terminate(): void {
    this.#wire.terminate();
    this.closed();
  }

  /** Somebody reads the body. */
  wanted(request: ServedRequest): void {
    if (request === this.current && request.head.waits && request.reader?.size === 0) {
      this.#queue.write("HTTP/1.1 100 Continue\r\n\r\n");
    }
  }

  /** Sends this now; false where the request is over, or it does not fit. */
  sendJson(request: ServedRequest, pieces: Pieces): boolean {
    if (request !== this.current || request.answered) return false;
    const stays = this.#stays(request);
    const whole = jsonAnswer(pieces, this.#served.wallMs(), stays);
    if (whole === undefined) return false;
    request.answered = true;
    this.movedAt = this.#served.now;
    this.#queue.lend(whole.memory, begin, whole.end);
    this.#answered(request, stays);
    return true;
  }

  #stays(request: ServedRequest): boolean {
    return request.head.keepAlive && !this.#served.ending && request.reader === undefined;
  }

  #keep(chunk: Buffer): void {
    this.#kept = this.#kept === undefined ? chunk : Buffer.concat([this.#kept, chunk]);
    if (this.#kept.length > limits.pipelinedBytes && !this.#paused) {
      this.#paused = true;
      this.#wire.pause();
    }
  }

  #readHead(bytes: Buffer, start: number): void {
    const heads = this.#heads;
    let from = start;
    // RFC 9112, 2.2: empty lines before a request are passed over.
    while (bytes[from] === 13 && bytes[from + 1] === 10) from += 2;
    const read = heads.read(bytes, from);
    if (read === "more") {
      this.#kept = bytes.subarray(from);
      if (this.headAt === 0) this.headAt = this.#served.now;
      return;
    }
    this.headAt = 0;
    if (typeof read !== "string") return this.#refuse(read.status, read.why);
    const { head, length, end } = heads;
    const request = new ServedRequest(this, head);
    this.current = request;
    if (!head.chunked && bytes.length - end >= length) {
      const stop = end + length;
      request.whole = end === 0 && stop === bytes.length ? bytes : bytes.subarray(end, stop);
      if (stop < bytes.length) this.#keep(Buffer.from(bytes.subarray(stop)));
    } else {
      request.reader = new BodyReader(
        head.chunked ? undefined : length,
        this.#served.bodyBytesMax,
      );
      if (request.reader.tooLarge) request.failed("too large");
      if (end < bytes.length) this.#readBody(request, request.reader, bytes, end);
      if (this.#ending) return;
    }
    this.#ask(request);
  }

  #readBody(request: ServedRequest, reader: BodyReader, bytes: Buffer, start: number): void {
    const end = reader.push(bytes, start);
    if (typeof end === "string") {
      request.failed(end);
      if (request.answered) this.#end();
      else this.#refuse(400, end);
      return;
    }
    if (reader.tooLarge) request.failed("too large");
    if (end < 0) {
      // Nobody wants it any more, or ever will: it is let pass for a while, so that the answer arrives.
      if (reader.tooLarge && reader.size > limits.passedBodyBytes) this.terminate();
      return;
    }
    if (end < bytes.length) this.#keep(Buffer.from(bytes.subarray(end)));
    if (!reader.tooLarge) request.arrived(reader.take());
    else request.reader = undefined;
    if (request.answered) this.#next(request);
  }

  #ask(request: ServedRequest): void {
    let answer: Response | Promise<Response>;
    try {
      answer = this.#served.handle(request);
    } catch {
      answer = new Response("internal error\n", { status: 500 });
    }
    if (answer instanceof Response) this.#answer(request, answer);
    else answer.then((one) => this.#answer(request, one));
  }

  #answer(request: ServedRequest, response: Response): void {
    if (response === sent) return;
    if (this.#over || request !== this.current || request.answered) {
      response.body?.cancel().catch(() => undefined);
      return;
    }
    request.answered = true;
    this.#send(request, response).catch(() => this.terminate());
  }

  async #send(request: ServedRequest, response: Response): Promise<void> {
    const stays = this.#stays(request) && request.head.modern;
    const nowMs = this.#served.wallMs();
    const bare = request.method === "HEAD" || response.status === 204 || response.status === 304;
    const reader = response.body?.getReader();
    if (reader === undefined || bare) {
      reader?.cancel().catch(() => undefined);
      const framing = response.status === 204 ? "" : "content-length: 0\r\n";
      this.#queue.write(headText(response, framing, nowMs, stays));
      return this.#answered(request, stays);
    }
    this.#reader = reader;
    let read = await reader.read();
    // What is small is copied, so that a body of one piece can say its length (`takesAtOnce`).
    let coming: Promise<Read> | undefined;
    let only = read.done === true;
    if (!read.done && read.value.length <= limits.unreadFromBytes) {
      read = { done: false, value: read.value.slice() };
      const after = reader.read();
      coming = after;
      void after.then(
        (next) => {
          only = next.done === true;
        },
        () => undefined,
      );
      await nextTask();
    }
    if (this.#over) return;
    if (only) {
      const body = read.value ?? nothing;
      const framing = `content-length: ${body.length}\r\n`;
      const head = Buffer.from(headText(response, framing, nowMs, stays), "latin1");
      this.#queue.write(Buffer.concat([head, body]));
      return this.#answered(request, stays);
    }
    const chunks = request.head.modern;
    const framing = chunks ? "transfer-encoding: chunked\r\n" : "";
    this.#queue.write(headText(response, framing, nowMs, stays));
    while (!read.done) {
      if (read.value.length > 0) await this.#sendPiece(read.value, chunks);
      if (this.#over) return;
      read = await (coming ?? reader.read());
      coming = undefined;
      if (this.#over) return;
    }
    if (chunks) this.#queue.write("0\r\n\r\n");
    this.#answered(request, stays);
  }

  /** Resolves when nothing of it is kept. */
  async #sendPiece(piece: Uint8Array, chunks: boolean): Promise<void> {
    if (chunks) this.#queue.write(`${piece.length.toString(16)}\r\n`);
    let all = this.#queue.write(piece);
    if (chunks) all = this.#queue.write("\r\n");
    this.movedAt = this.#served.now;
    if (!all) await this.#drain();
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  #answered(request: ServedRequest, stays: boolean): void {
    this.#reader = undefined;
    if (request.reader !== undefined) return;
    if (!stays) this.#end();
    else this.#next(request);
  }

  #next(request: ServedRequest): void {
    if (request !== this.current) return;
    this.current = undefined;
    if (!request.head.keepAlive || this.#served.ending) return this.#end();
    if (this.#paused) {
      this.#paused = false;
      this.#wire.resume();
    }
    if (this.#kept !== undefined) setImmediate(goOn, this);
  }

  goOn(): void {
    const kept = this.#kept;
    if (this.#over || this.current !== undefined || kept === undefined) return;
    this.#kept = undefined;
    this.#readHead(kept, 0);
  }

  #refuse(status: number, why: string): void {
    const body = JSON.stringify({ error: { code: "GW_HTTP", message: why } });
    const response = new Response(null, {
      status,
      headers: { "content-type": "application/json" },
    });
    const framing = `content-length: ${body.length}\r\n`;
    this.#queue.write(headText(response, framing, this.#served.wallMs(), false) + body);
    this.#end();
  }

  #end(): void {
    this.#ending = true;
    this.#kept = undefined;
    this.#wire.end();
  }
}

type Read = { readonly done?: boolean; readonly value?: Uint8Array };

const nothing = new Uint8Array(0);

function nextTask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function goOn(connection: Connection): void {
  connection.goOn();
}
