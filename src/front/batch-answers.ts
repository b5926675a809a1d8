/** The answers of a batch: an array once all are there, or a stream once there is reason for it. */

import { limits } from "../base/limits.ts";
import { sseComment, sseEvent } from "../protocol/sse.ts";
import { json, jsonBody, plain, rpcErrorText } from "./answers.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { type EventStream, openEventStream } from "./event-stream.ts";
import type { Accepts } from "./media.ts";
import type { Outlet } from "./outlet.ts";
import { mayQueue } from "./queued.ts";
import { countUnread, unreadBody } from "./unread.ts";

export interface SharedAnswers {
  /** Of one request, with its id for what has to be said in place of its answer. */
  outlet(idText: string): Outlet;
  answer(): Answer;
}

interface State {
  readonly door: Door;
  readonly caller: Caller;
  readonly wanted: Accepts;
  /** Answers that are still to come. */
  left: number;
  readonly texts: string[];
  characters: number;
  events: EventStream | undefined;
  response: Response | undefined;
  settle: ((response: Response) => void) | undefined;
}

export function shareAnswers(
  door: Door,
  caller: Caller,
  wanted: Accepts,
  count: number,
): SharedAnswers {
  const state: State = {
    ...{ door, caller, wanted, left: count, texts: [], characters: 0 },
    ...{ events: undefined, response: undefined, settle: undefined },
  };
  if (wanted === "events" && count > 0) stream(state);
  return {
    outlet: (idText) => ({
      backlog: () => state.events?.backlog() ?? 0,
      message: (text) => stream(state).write(sseEvent(text)),
      beat: () => beat(state),
      last: (text) => add(state, text, idText),
      end: () => done(state),
    }),
    answer() {
      if (state.response !== undefined) return state.response;
      return new Promise((resolve) => {
        state.settle = resolve;
      });
    },
  };
}

function beat(state: State): void {
  if (state.wanted === "json") state.caller.peer.keepOpen(state.caller.request);
  else stream(state).write(sseComment(""));
}

/** A batch is no way to get more at once than one answer may be (R7). */
function add(state: State, text: string, idText: string): void {
  const waiting = state.events?.backlog() ?? state.characters;
  const { door, caller } = state;
  const large = text.length > limits.unreadFromBytes;
  const fits =
    (waiting === 0 || waiting + text.length <= door.ports.limits.resultBytes) &&
    (!large || mayQueue(door.queued, caller.identity.keyId, text.length));
  const slow = () => plain("GW_CLIENT_SLOW", "the call was made, its answer is dropped");
  const said = fits ? text : rpcErrorText(slow(), idText);
  if (state.events !== undefined) state.events.write(sseEvent(said));
  else {
    state.texts.push(said);
    state.characters += said.length;
  }
  done(state);
}

function done(state: State): void {
  state.left -= 1;
  if (state.left > 0) return;
  if (state.events === undefined) give(state, whole(state));
  else {
    state.caller.peer.limitIdle(state.caller.request);
    state.events.end();
  }
}

function whole({ door, caller, texts }: State): Response {
  // All of them were cancelled.
  if (texts.length === 0) return new Response(null, { status: 202 });
  const text = `[${texts.join(",")}]`;
  if (text.length <= limits.unreadFromBytes) return json(200, text);
  const bytes = new TextEncoder().encode(text);
  return jsonBody(200, unreadBody(countUnread(door.unread, caller.identity.keyId, bytes)));
}

function stream(state: State): EventStream {
  if (state.events !== undefined) return state.events;
  // A lost stream cancels nothing (2025-11-25, transports): its requests go on.
  const events = openEventStream(() => undefined);
  state.events = events;
  state.caller.peer.keepOpen(state.caller.request);
  for (const text of state.texts.splice(0)) events.write(sseEvent(text));
  give(state, events.response);
  return events;
}

function give(state: State, response: Response): void {
  if (state.settle === undefined) state.response = response;
  else state.settle(response);
}
