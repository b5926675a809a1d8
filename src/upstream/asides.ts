/**
 * What a server says in a conversation beside its answers: whose it is, and where it goes. Nothing
 * is guessed: what does not name its call is that of the only one in flight, or nobody's.
 */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import type { Clock } from "../base/ports.ts";
import { errorMessage, resultMessage } from "../protocol/envelope.ts";
import type { RequestMessage } from "../protocol/message.ts";
import { createFlood, type Flood } from "./flood.ts";
import { createGhosts } from "./ghosts.ts";
import { changedList, type LinkEvents, updatedResource } from "./link.ts";
import { isLossy, type Paced, tellCall } from "./pace.ts";
import { createQuestions, type SendReply } from "./questions.ts";
import type { UpstreamRequest, UpstreamSink } from "./upstream.ts";

/** A call in flight, as far as it matters here. */
export interface Asker extends Paced {
  readonly request: Pick<UpstreamRequest, "method" | "name">;
  readonly sink: UpstreamSink;
  /** Id of the key whose call it is. */
  readonly owner: string | undefined;
}

export interface Asides {
  /** As Link.stale. */
  readonly stale: boolean;
  /**
   * A request of a legacy server. `on`: the call on whose own stream it came. False: it was one too
   * many, and dropped.
   */
  asked(message: RequestMessage, on: Asker | undefined, reply: SendReply): boolean;
  /** A notification that may belong to no call. `dropped`: one too many of any kind. */
  told(method: string, params: JsonObject): "told" | "dropped" | "of a call";
  /** Of what is told beside calls. */
  readonly flood: Flood;
  /** One that belongs to some call and does not say to which. */
  astray(method: string, params: JsonObject): void;
  /** The call is over: so are its questions. */
  over(call: Asker, why: string): void;
  /** It was taken back: nobody knows whether the server stopped. */
  ghost(id: number, owner: string | undefined): void;
  /** An answer to what is not in flight (any more); undefined: its id can be of none. */
  late(id: number | undefined): void;
  /** Another session: nothing of the old one runs in it. */
  renewed(): void;
  close(why: string): void;
}

export interface AsidesOptions {
  readonly clock: Clock;
  readonly events: Pick<LinkEvents, "listChanged" | "updated" | "unattributed" | "dropped">;
  readonly inFlight: {
    any(): boolean;
    /** The only one; undefined when there is none, or more. */
    sole(): Asker | undefined;
  };
}

export function createAsides({ clock, events, inFlight }: AsidesOptions): Asides {
  const questions = createQuestions();
  const ghosts = createGhosts(clock);
  const flood = createFlood({ clock, events });
  let stale = false;

  /** A task may ask at any time: only whoever waits for its result is asked (2025-11-25, tasks). */
  function soleFor({ params }: RequestMessage): Asker | undefined {
    const call = inFlight.sole();
    const task = relatedTask(params);
    if (call === undefined || task === undefined) return call;
    const { method, name } = call.request;
    return method === "tasks/result" && name === task ? call : undefined;
  }

  return {
    get stale() {
      return stale;
    },
    flood,
    asked(message, on, reply) {
      if (!flood.asks()) return false;
      const pings = message.method === "ping";
      const call = pings || on !== undefined || ghosts.any() ? on : soleFor(message);
      if (call !== undefined && !pings) {
        questions.ask(message, call, call.sink, reply);
        return true;
      }
      const ofOneCall = inFlight.any() || ghosts.any();
      reply([answerAside(message, ofOneCall)]);
      if (pings || !ofOneCall) return true;
      stale ||= ghosts.any();
      events.unattributed("question");
      return true;
    },
    told(method, params) {
      if (isLossy(method)) return "of a call";
      if (!flood.takes(method, params)) return "dropped";
      const list = changedList(method);
      const uri = updatedResource(method, params);
      const withdrawn = method === "notifications/cancelled";
      if (list !== undefined) events.listChanged(list);
      else if (uri !== undefined) events.updated(uri, params);
      else if (withdrawn) questions.withdraw(params);
      return withdrawn || list !== undefined || uri !== undefined ? "told" : "of a call";
    },
    astray(method, params) {
      if (!ofSomeCall.has(method)) return;
      const call = inFlight.sole();
      const surely = call !== undefined && !ghosts.recent(call.owner);
      if (surely) tellCall(call, method, params, undefined, clock.mono());
      else events.unattributed("log");
    },
    over: questions.over,
    ghost: ghosts.add,
    late(id) {
      if (id === undefined || !ghosts.answered(id)) events.unattributed("answer");
    },
    renewed() {
      questions.close("the server lost its session");
      ghosts.clear();
      stale = false;
    },
    close(why) {
      flood.close();
      questions.close(why);
    },
  };
}

function relatedTask(params: JsonObject): Json | undefined {
  const meta = member(params, "_meta");
  const related = isObject(meta) ? member(meta, "io.modelcontextprotocol/related-task") : undefined;
  return isObject(related) ? (member(related, "taskId") ?? null) : undefined;
}

const ofSomeCall: ReadonlySet<string> = new Set([
  "notifications/message",
  "notifications/elicitation/complete",
]);

/** The answer where no call can be asked; without one in flight there is nobody to ask. */
function answerAside(message: RequestMessage, callsInFlight: boolean): string {
  const { idText, method } = message;
  if (method === "ping") return resultMessage(idText, "{}").join("");
  if (callsInFlight) return errorMessage(idText, -32603, "It cannot be told which call asks this");
  if (method === "roots/list") return resultMessage(idText, '{"roots":[]}').join("");
  return errorMessage(idText, -32601, "Method not found");
}
