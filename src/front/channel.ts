/**
 * One event stream of a legacy session. It outlives its connection: every event has an id and is
 * kept for a while, and a GET with Last-Event-ID goes on where the client stopped reading.
 */

import { limits } from "../base/limits.ts";
import { sseComment, sseEvent, ssePrime } from "../protocol/sse.ts";
import type { Caller } from "./door.ts";
import { writeEventId } from "./event-id.ts";
import type { EventStream } from "./event-stream.ts";
import { type Counted, endWith, type Outlet } from "./outlet.ts";
import { forgetChannel, type KeptEvent, keep, type Shelf, shelve } from "./replay.ts";

export interface Channel extends Outlet {
  readonly no: number;
  /** Id of the request that it answers, "" for a standing stream. */
  readonly idText: string;
  /** Kept ones, oldest first; replay.ts adds and drops them. */
  readonly events: KeptEvent[];
  /** Nothing comes any more. */
  readonly over: boolean;
  /** Monotonic ms since when nobody is connected; undefined: somebody is. */
  readonly awaySince: number | undefined;
  /** Its client did not come back in time. */
  readonly abandoned: boolean;
  /**
   * Sends what came after event `after`, then all that comes; an older connection ends. `by`
   * where nobody else keeps the connection open.
   */
  connect(events: EventStream, after: number, by?: Connected): void;
  /** This connection is gone: what comes now waits. */
  lost(events: EventStream): void;
  abandon(): void;
}

/** The request by which a connection came. */
type Connected = Pick<Caller, "peer" | "request">;

export interface ChannelOptions extends Counted {
  readonly shelf: Shelf;
  readonly idText: string;
  /** 2025-11-25: begins with an event that has an id and no data, and says when to come back. */
  readonly primes: boolean;
  /** Once, when nobody came back in time. */
  abandoned(): void;
}

interface State {
  readonly options: ChannelOptions;
  readonly channel: Channel;
  seq: number;
  over: boolean;
  awaySince: number | undefined;
  abandoned: boolean;
  connection: { readonly events: EventStream; readonly by: Connected | undefined } | undefined;
}

export function openChannel(options: ChannelOptions): Channel {
  const { shelf, idText } = options;
  shelf.lastNo += 1;
  const channel: Channel = {
    no: shelf.lastNo,
    idText,
    events: [],
    get over() {
      return state.over;
    },
    get awaySince() {
      return state.awaySince;
    },
    get abandoned() {
      return state.abandoned;
    },
    backlog: () => state.connection?.events.backlog() ?? 0,
    message: (text) => message(state, text),
    beat: () => state.connection?.events.write(sseComment("")),
    last: (text) => last(state, text),
    end: () => end(state),
    connect: (events, after, by) => connect(state, events, after, by),
    lost(events) {
      if (state.connection?.events !== events) return;
      release(state);
      state.awaySince = shelf.replay.clock.mono();
    },
    abandon() {
      if (state.abandoned) return;
      state.abandoned = true;
      options.abandoned();
      if (idText === "") end(state);
    },
  };
  const state: State = {
    ...{ options, channel, seq: 0, over: false, awaySince: undefined, abandoned: false },
    connection: undefined,
  };
  shelve(shelf, channel);
  return channel;
}

function message(state: State, text: string): void {
  if (state.over) return;
  const event = sseEvent(text, nextId(state));
  const { channel, seq, options } = state;
  keep(options.shelf, { channel, seq, event, last: false });
  if (state.connection === undefined) return;
  const { events } = state.connection;
  if (events.backlog() <= limits.streamBacklogBytes) events.write(event);
  else {
    // A reader that does not read is let go: it can come back (R7).
    events.end();
    channel.lost(events);
  }
}

function last(state: State, text: string): void {
  if (state.over) return;
  const { options, channel } = state;
  const written = sseEvent(text, nextId(state));
  // Large ones once as bytes: kept and sent from the same memory.
  const event = written.length > limits.unreadFromBytes ? encoder.encode(written) : written;
  const kept = keep(options.shelf, { channel, seq: state.seq, event, last: true });
  state.over = true;
  if (!kept) forgetChannel(options.shelf, channel);
  if (state.connection === undefined) return;
  endWith(state.connection.events, event, options);
  release(state);
}

/** Without a last message there is nothing to come back for. */
function end(state: State): void {
  state.over = true;
  forgetChannel(state.options.shelf, state.channel);
  state.connection?.events.end();
  release(state);
}

function connect(
  state: State,
  events: EventStream,
  after: number,
  by: Connected | undefined,
): void {
  state.connection?.events.end();
  release(state);
  state.connection = { events, by };
  state.awaySince = undefined;
  if (!state.over) by?.peer.keepOpen(by.request);
  if (state.seq === 0 && state.options.primes) {
    events.write(ssePrime(idOf(state, 0), limits.sseRetryMs));
  }
  for (const { seq, event, last: isLast } of state.channel.events) {
    if (seq <= after) continue;
    if (isLast) endWith(events, event, state.options);
    // Progress is lossy by nature: a reader who does not read gets none (R7).
    else if (events.backlog() <= limits.streamBacklogBytes) events.write(event);
  }
  if (!state.over) return;
  // Also when there was nothing left to send.
  events.end();
  state.connection = undefined;
}

function release(state: State): void {
  const by = state.connection?.by;
  by?.peer.limitIdle(by.request);
  state.connection = undefined;
}

function nextId(state: State): string {
  state.seq += 1;
  return idOf(state, state.seq);
}

function idOf({ options: { shelf, idText }, channel: { no } }: State, seq: number): string {
  return writeEventId({ nonce: shelf.nonce, channel: no, seq, idText });
}

const encoder = new TextEncoder();
