/**
 * One request at a time, where a server's questions do not say to which they belong: the others
 * wait, one of each client in turn, and their deadlines run.
 */

import { asFault, type GatewayError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { StrictBody } from "../protocol/message.ts";
import { createFairLine } from "./fair-line.ts";
import type { Load } from "./load.ts";
import type {
  ServerRequest,
  Upstream,
  UpstreamCall,
  UpstreamRequest,
  UpstreamSink,
} from "./upstream.ts";

export interface Turns {
  send(request: UpstreamRequest, sink: UpstreamSink): UpstreamCall;
  waiting(): number;
  /** Does work of the gateway's own while no call is there; false where one is. */
  alone(work: () => Promise<void>): boolean;
}

export interface TurnsOptions {
  readonly load: Load;
  readonly send: Upstream["send"];
  /** Nothing is in flight, and the next is not sent yet. */
  between(): void;
}

export function createTurns({ load, send, between }: TurnsOptions): Turns {
  const line = createFairLine<Turn>();
  let current: Turn | "own" | undefined;

  /** Throws what `send` throws: nothing was sent. */
  function start(turn: Turn): void {
    current = turn;
    turn.begun = true;
    // `send` counts it itself.
    load.end();
    try {
      const sent = send(turn.ours, turn);
      if (!(sent instanceof Promise)) turn.taken(sent);
      else {
        sent.then(
          (call) => turn.taken(call),
          (thrown) => turn.refused(thrown),
        );
      }
    } catch (thrown) {
      current = undefined;
      throw thrown;
    }
  }

  function release(turn: Turn): void {
    if (current !== turn) return;
    current = undefined;
    between();
    goOn();
  }

  function goOn(): void {
    while (current === undefined) {
      const next = line.take();
      if (next === undefined) return;
      try {
        start(next);
      } catch (thrown) {
        next.end();
        next.sink.failed(asFault(thrown, "Cannot make the call"), false);
      }
    }
  }

  function remove(turn: Turn): void {
    if (line.remove(turn.client, turn)) load.end();
  }

  return {
    waiting: () => line.size,
    alone(work) {
      if (current !== undefined || line.size > 0) return false;
      current = "own";
      void work().finally(() => {
        current = undefined;
        goOn();
      });
      return true;
    },
    send(request, sink) {
      load.begin();
      const turn = new Turn(request, sink, release, remove);
      if (current === undefined) start(turn);
      else line.add(turn.client, turn);
      return turn;
    },
  };
}

const oneAtATime = "the server takes one call at a time of clients that can be asked";

class Turn implements UpstreamCall, UpstreamSink {
  readonly era = "legacy";
  readonly ours: UpstreamRequest;
  readonly sink: UpstreamSink;
  readonly client: string;
  readonly #release: (turn: Turn) => void;
  readonly #remove: (turn: Turn) => void;
  #call: UpstreamCall | undefined;
  begun = false;
  #cancelled: string | undefined;
  #over = false;

  constructor(
    request: UpstreamRequest,
    sink: UpstreamSink,
    release: (turn: Turn) => void,
    remove: (turn: Turn) => void,
  ) {
    const { origin } = request;
    this.ours = request;
    this.sink = sink;
    this.client = `${origin?.keyId ?? ""} ${origin?.session ?? ""}`;
    this.#release = release;
    this.#remove = remove;
  }

  get over(): boolean {
    return this.#over;
  }

  get waitsFor(): string | undefined {
    return this.begun ? this.#call?.waitsFor : oneAtATime;
  }

  taken(call: UpstreamCall): void {
    this.#call = call;
    if (this.#cancelled === undefined) return;
    call.cancel(this.#cancelled);
    this.#release(this);
  }

  refused(thrown: unknown): void {
    if (this.end()) this.sink.failed(asFault(thrown, "Cannot make the call"), false);
    this.#release(this);
  }

  cancel(reason: string, late = false): void {
    if (!this.end()) return;
    this.#cancelled = reason;
    if (this.#call === undefined) {
      // Where it is being sent, `taken` goes on.
      this.#remove(this);
      return;
    }
    this.#call.cancel(reason, late);
    this.#release(this);
  }

  notification(method: string, params: JsonObject): void {
    if (!this.#over) this.sink.notification(method, params);
  }

  crowded(bytes: Uint8Array | undefined): void {
    if (!this.#over) this.sink.crowded?.(bytes);
  }

  request(asked: ServerRequest): void {
    if (this.#over) asked.error(-32603, "The call is over");
    else this.sink.request(asked);
  }

  response(message: StrictBody): void {
    if (this.end()) this.sink.response(message);
    this.#release(this);
  }

  failed(error: GatewayError, mayHaveRun: boolean): void {
    if (this.end()) this.sink.failed(error, mayHaveRun);
    // With a connection that broke all of its calls fail, and then it is known to be lost.
    queueMicrotask(() => this.#release(this));
  }

  /** False when it was over before. */
  end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    return true;
  }
}
