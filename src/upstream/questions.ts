/** What a legacy server asks in the middle of calls: whose question it is, and its one answer. */

import { type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { errorMessage, resultMessage } from "../protocol/envelope.ts";
import type { Pieces, RequestId, RequestMessage } from "../protocol/message.ts";
import type { ServerRequest, UpstreamSink } from "./upstream.ts";

export interface Questions {
  /** Carries a question to the call it belongs to; `reply` sends the answer to the server. */
  ask(message: RequestMessage, call: object, sink: UpstreamSink, reply: SendReply): void;
  /** notifications/cancelled of the server. */
  withdraw(params: JsonObject): void;
  /** The call is over: what it was asked is answered with an error, and its client is told. */
  over(call: object, why: string): void;
  /** The conversation is over: nobody takes an answer any more. */
  close(why: string): void;
}

export type SendReply = (answer: Pieces) => void;

export function createQuestions(): Questions {
  const open = new Map<RequestId, Question>();

  function countOf(call: object): number {
    let count = 0;
    for (const question of open.values()) if (question.call === call) count += 1;
    return count;
  }

  return {
    ask(message, call, sink, reply) {
      const { id, idText } = message;
      if (open.has(id)) {
        reply([errorMessage(idText, -32600, "A request with this id waits for its answer")]);
      } else if (countOf(call) >= limits.questionsPerCall) {
        reply([errorMessage(idText, -32603, "The call has too many open questions")]);
      } else {
        const question = new Question(open, message, call, reply);
        open.set(id, question);
        sink.request(question);
      }
    },
    withdraw(params) {
      const id = member(params, "requestId");
      if (typeof id !== "string" && typeof id !== "number") return;
      const reason = member(params, "reason");
      open.get(id)?.drop(typeof reason === "string" ? reason : "");
    },
    over(call, why) {
      if (open.size === 0) return;
      for (const question of [...open.values()]) {
        if (question.call !== call) continue;
        question.error(-32603, why);
        question.onCancelled?.(why);
      }
    },
    close(why) {
      for (const question of [...open.values()]) question.drop(why);
    },
  };
}

class Question implements ServerRequest {
  readonly method: string;
  readonly params: JsonObject;
  readonly paramsBytes: Uint8Array;
  readonly call: object;
  onCancelled: ((reason: string) => void) | undefined;
  readonly #open: Map<RequestId, Question>;
  readonly #id: RequestId;
  readonly #idText: string;
  readonly #reply: SendReply;

  constructor(
    open: Map<RequestId, Question>,
    message: RequestMessage,
    call: object,
    reply: SendReply,
  ) {
    this.method = message.method;
    this.params = message.params;
    this.paramsBytes = paramsOf(message);
    this.call = call;
    this.#open = open;
    this.#id = message.id;
    this.#idText = message.idText;
    this.#reply = reply;
  }

  result(text: Pieces): void {
    if (this.#end()) this.#reply(resultMessage(this.#idText, text));
  }

  error(code: number, message: string, data?: Json): void {
    if (this.#end()) this.#reply([errorMessage(this.#idText, code, message, data)]);
  }

  /** The server does not wait any more. */
  drop(reason: string): void {
    if (this.#end()) this.onCancelled?.(reason);
  }

  /** False when it was answered or dropped before. */
  #end(): boolean {
    if (this.#open.get(this.#id) !== this) return false;
    return this.#open.delete(this.#id);
  }
}

/** A copy: the bytes of an event are valid only until the next one, and a person may take long. */
function paramsOf({ body }: RequestMessage): Uint8Array {
  const span = body.span("params");
  return span === undefined ? emptyObject : new Uint8Array(body.bytes.subarray(span[0], span[1]));
}

const emptyObject = new TextEncoder().encode("{}");
