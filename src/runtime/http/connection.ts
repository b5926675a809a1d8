/** One connection of a client: its requests, one after another, and their answers. */

import { cut } from "../../base/cut.ts";
import { limits } from "../../base/limits.ts";
import { createSendQueue, type SendQueue } from "../send-queue.ts";
import { type Outlet, writeAnswer } from "./answer.ts";
import { BodyReader } from "./body.ts";
import { HeadReader } from "./head-reader.ts";
import { jsonAnswer, type Pieces } from "./json-answer.ts";
import { type Carrier, ServedRequest } from "./request.ts";

/** The socket of one connection, as Bun gives it. */
export interface Wire {
  /** How many bytes it took; less than all: `drain` follows. */
  write(chunk: Uint8Array | string, start?: number, length?: number): number;
  pause(): void;
  resume(): void;
  /** Says that nothing more is written; what comes is still read. */
  shutdown(): void;
  /** Ends; what was written still arrives, unless bytes came that nobody read. */
  end(): void;
  /** Ends at once, whatever was written. */
  terminate(): void;
  /** undefined: of a unix socket, and of any that is closed. */
  readonly remoteAddress: string | undefined;
}

/** What all connections of one door have in common. */
export interface Shared {
  /** Clients are of this machine. */
  readonly unix: boolean;
  readonly bodyBytesMax: number;
  readonly idleMs: number;
  /** The door is shut: no further request on any connection. */
  readonly ending: boolean;
  /** Monotonic ms, a second old at most. */
  readonly now: number;
  wallMs(): number;
  handle(request: ServedRequest): Response | Promise<Response>;
  /** The answer to what is no request. */
  malformed(status: number, why: string): Response;
  over(connection: Connection): void;
}

/** Stands for an answer that was sent already. */
export const sent: Response = new Response(null);

/** Stands for an answer that is given later. */
export const later: Response = new Response(null);

export class Connection implements Carrier {
  readonly #wire: Wire;
  readonly #shared: Shared;
  readonly #queue: SendQueue;
  readonly #heads = new HeadReader();
  /** Came, and is not read yet. */
  #kept: Buffer | undefined;
  #paused = false;
  /** Being read or answered. */
  #current: ServedRequest | undefined;
  /** The body of the answer that is being written. */
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Waits for the socket to take what is kept for it. */
  #onDrained: (() => void) | undefined;
  /** A request was answered, and nothing came of another: an end is no news of a failure. */
  #between = false;
  /** No further request is read; what still comes is let pass. */
  #last = false;
  #over = false;
  /** Monotonic ms: of the last byte; since a head is waited for; since it is let pass. 0: not. */
  #movedAt: number;
  #headAt: number;
  #passingAt = 0;
  #passed = 0;
  #address: string | undefined;

  constructor(wire: Wire, shared: Shared) {
    this.#wire = wire;
    this.#shared = shared;
    this.#queue = createSendQueue(
      (chunk, start, length) => wire.write(chunk, start, length),
      () => this.terminate(),
    );
    this.#movedAt = shared.now;
    this.#headAt = shared.now;
  }

  /** Bun makes a new text each time. Who left has none: that must not make "unix" of it (F12). */
  get address(): string {
    this.#address ??= this.#shared.unix ? "unix" : (this.#wire.remoteAddress ?? "");
    return this.#address;
  }

  /** `chunk` is the connection's. */
  data(chunk: Buffer): void {
    // Who takes no answer does not win time by what it sends.
    if (!this.#last && this.#onDrained === undefined) this.#movedAt = this.#shared.now;
    const current = this.#current;
    if (this.#last) this.#pass(chunk.length);
    else if (current === undefined) {
      const kept = this.#kept;
      this.#kept = undefined;
      this.#readHead(kept === undefined ? chunk : Buffer.concat([kept, chunk]));
      this.#takeMore();
    } else if (current.reader !== undefined) this.#readBody(current, current.reader, chunk, 0);
    else this.#keep(chunk);
  }

  /** The socket takes bytes again. */
  drain(): void {
    this.#movedAt = this.#shared.now;
    if (!this.#queue.drain()) return;
    const drained = this.#onDrained;
    this.#onDrained = undefined;
    drained?.();
  }

  closed(): void {
    if (this.#over) return;
    this.#over = true;
    this.#shared.over(this);
    const current = this.#current;
    this.#current = undefined;
    this.#kept = undefined;
    this.#reader?.cancel().catch(() => undefined);
    this.#onDrained?.();
    current?.gone();
  }

  /** Once a second: ends what takes too long (R5). */
  tick(now: number): void {
    const { idleMs, unix } = this.#shared;
    const idle = now - this.#movedAt > idleMs && this.#current?.patient !== true;
    const headMs = Math.min(idleMs, limits.requestHeadMs);
    const slowHead = !unix && this.#headAt !== 0 && now - this.#headAt > headMs;
    const passing = this.#passingAt !== 0 && now - this.#passingAt > limits.passedBodyMs;
    if (idle && this.#between && !this.#last) this.finish();
    else if (idle || slowHead || passing) this.terminate();
  }

  /** Ends now where nothing is under way, else after that. */
  finish(): void {
    if (this.#current !== undefined || this.#onDrained !== undefined) return;
    this.#last = true;
    this.#wire.end();
  }

  terminate(): void {
    this.#wire.terminate();
    this.closed();
  }

  wanted(request: ServedRequest): void {
    if (request !== this.#current || !request.head.waits || request.told) return;
    request.told = true;
    if (request.reader?.size === 0) this.#queue.write("HTTP/1.1 100 Continue\r\n\r\n");
  }

  sendJson(request: ServedRequest, pieces: Pieces): boolean {
    if (request !== this.#current || request.answered) return false;
    const stays = this.#stays(request);
    const whole = jsonAnswer(pieces, this.#shared.wallMs(), stays);
    if (whole === undefined) return false;
    request.answered = true;
    this.#movedAt = this.#shared.now;
    const { memory, start, end } = whole;
    this.#answered(request, stays, this.#queue.lend(memory, start, end));
    return true;
  }

  /** Whether the client may send another request behind this one, and its answer says so. */
  #stays({ head, reader, told }: ServedRequest): boolean {
    if (!head.keepAlive || this.#shared.ending) return false;
    // RFC 9110, 10.1.1: who waits for leave to send its body may send it now, or not.
    return reader === undefined || (!reader.tooLarge && (told || !head.waits));
  }

  /** No copy: many small requests in one chunk would copy the rest once each (R9). */
  #keep(chunk: Buffer): void {
    this.#kept = this.#kept === undefined ? chunk : Buffer.concat([this.#kept, chunk]);
    if (this.#kept.length > limits.pipelinedBytes && !this.#paused) {
      this.#paused = true;
      this.#wire.pause();
    }
  }

  /** Not before most of what is kept is read: it would grow with each request (R10). */
  #takeMore(): void {
    if (!this.#paused || this.#over || (this.#kept?.length ?? 0) > limits.pipelinedBytes) return;
    this.#paused = false;
    this.#wire.resume();
  }

  #readHead(bytes: Buffer): void {
    this.#between = false;
    const heads = this.#heads;
    const read = heads.read(bytes, 0);
    if (read === "more") {
      // A few bytes must not hold the chunk that they came in for as long as a head may take.
      this.#kept = bytes.length * 2 < bytes.buffer.byteLength ? Buffer.from(bytes) : bytes;
      if (this.#headAt === 0) this.#headAt = this.#shared.now;
      return;
    }
    this.#headAt = 0;
    if (read !== "head") {
      this.#refuse(read.status, read.why);
      return;
    }
    const { head, length, end } = heads;
    const request = new ServedRequest(this, head);
    this.#current = request;
    const { bodyBytesMax } = this.#shared;
    if (!head.chunked && bytes.length - end >= length && length <= bodyBytesMax) {
      const stop = end + length;
      request.whole = cut(bytes, end, stop);
      if (stop < bytes.length) this.#keep(bytes.subarray(stop));
    } else {
      request.reader = new BodyReader(head.chunked ? undefined : length, bodyBytesMax, end);
      if (request.reader.tooLarge) request.refuseBody();
      if (end < bytes.length) this.#readBody(request, request.reader, bytes, end);
      if (this.#last) return;
    }
    this.#ask(request);
  }

  #readBody(request: ServedRequest, reader: BodyReader, bytes: Buffer, start: number): void {
    const end = reader.push(bytes, start);
    if (typeof end === "string") {
      this.#broken(request, end);
      return;
    }
    if (reader.tooLarge && !request.answered) request.refuseBody();
    if (end < 0) {
      // Let pass for a while, so that its client, who reads when it has sent, learns why.
      if (reader.tooLarge && reader.size > limits.passedBodyBytes) this.terminate();
      return;
    }
    if (end < bytes.length) this.#keep(bytes.subarray(end));
    request.reader = undefined;
    if (request.answered) this.#next(request);
    else if (!reader.tooLarge) request.arrived(reader.take());
  }

  /** Where the next request would begin nobody knows. */
  #broken(request: ServedRequest, why: string): void {
    request.reader = undefined;
    this.#current = undefined;
    request.failed(new Error(why));
    if (request.answered) this.#end();
    else this.#refuse(400, why);
  }

  #ask(request: ServedRequest): void {
    let answer: Response | Promise<Response>;
    try {
      answer = this.#shared.handle(request);
    } catch {
      answer = this.#failed(request);
    }
    this.give(request, answer);
  }

  give(request: ServedRequest, answer: Response | Promise<Response>): void {
    if (answer instanceof Response) this.#answer(request, answer);
    else {
      answer.then(
        (one) => this.#answer(request, one),
        () => this.#answer(request, this.#failed(request)),
      );
    }
  }

  #failed({ tooLarge }: ServedRequest): Response {
    if (tooLarge) return this.#shared.malformed(413, "the body is too large");
    return new Response("internal error\n", { status: 500 });
  }

  #answer(request: ServedRequest, response: Response): void {
    if (response === sent || response === later) return;
    if (request !== this.#current || request.answered) {
      response.body?.cancel().catch(() => undefined);
      return;
    }
    request.answered = true;
    const stays = this.#stays(request) && response.headers.get("connection") !== "close";
    const { modern, method } = request.head;
    writeAnswer(this.#outlet(modern, method === "HEAD", stays), response).then(
      () => this.#answered(request, stays, this.#queue.empty()),
      () => this.terminate(),
    );
  }

  #outlet(chunks: boolean, headOnly: boolean, stays: boolean): Outlet {
    return {
      ...{ chunks, headOnly, stays },
      nowMs: this.#shared.wallMs(),
      over: () => this.#over,
      write: (chunk) => {
        this.#movedAt = this.#shared.now;
        return this.#queue.write(chunk);
      },
      drained: () =>
        new Promise((resolve) => {
          this.#onDrained = resolve;
        }),
      reads: (reader) => {
        this.#reader = reader;
      },
    };
  }

  /** All of it is written; `taken`: and the socket has it. The next may be as large: it waits. */
  #answered(request: ServedRequest, stays: boolean, taken: boolean): void {
    if (this.#over) return;
    this.#reader = undefined;
    request.complete = true;
    request.patient = false;
    if (!stays) this.#last = true;
    if (taken) this.#flushed(request);
    else this.#onDrained = () => this.#flushed(request);
  }

  #flushed(request: ServedRequest): void {
    if (this.#over) return;
    if (this.#last) this.#end();
    else if (request.reader === undefined) this.#next(request);
    else {
      // Nobody wants the rest of its body any more.
      request.reader.drop();
      this.#passingAt = this.#shared.now;
    }
  }

  /** Its body and its answer are over. */
  #next(request: ServedRequest): void {
    if (!request.complete || this.#onDrained !== undefined || this.#over) return;
    this.#current = undefined;
    this.#passingAt = 0;
    if (this.#shared.ending) {
      this.#end();
      return;
    }
    if (this.#kept === undefined) this.#between = true;
    else setImmediate(goOn, this);
  }

  goOn(): void {
    const kept = this.#kept;
    if (this.#over || this.#last || this.#current !== undefined || kept === undefined) return;
    this.#kept = undefined;
    this.#readHead(kept);
    this.#takeMore();
  }

  #refuse(status: number, why: string): void {
    this.#last = true;
    writeAnswer(this.#outlet(true, false, false), this.#shared.malformed(status, why)).then(
      () => this.#end(),
      () => this.terminate(),
    );
  }

  #end(): void {
    if (this.#over) return;
    this.#last = true;
    this.#current = undefined;
    this.#kept = undefined;
    if (this.#paused) this.#wire.resume();
    this.#paused = false;
    if (this.#queue.empty()) this.#shutDown();
    else this.#onDrained = () => this.#shutDown();
  }

  /** With bytes that nobody read, an end would take the answer along: they are let pass. */
  #shutDown(): void {
    if (this.#over) return;
    this.#passingAt = this.#shared.now;
    if (this.#shared.ending) this.#wire.end();
    else this.#wire.shutdown();
  }

  #pass(bytes: number): void {
    this.#passed += bytes;
    if (this.#passed > limits.passedBodyBytes) this.terminate();
  }
}

function goOn(connection: Connection): void {
  connection.goOn();
}
