/**
 * Modern client, legacy server: the server asks in the middle of the call, which stays open there,
 * and the client gets what it is asked for as the answer of its request. Its next request, with the
 * answers, goes on with the same call: one intent, one outcome.
 */

import { limits } from "../../base/limits.ts";
import { resultMessage } from "../../protocol/envelope.ts";
import { toOneLine } from "../../protocol/one-line.ts";
import {
  inputRequired,
  toLegacyAnswer,
  toModernQuestion,
} from "../../protocol/translate/input-required.ts";
import type { ServerRequest } from "../../upstream/upstream.ts";
import type { Untimed } from "../answer.ts";
import { decide } from "../decide.ts";
import type { Handling, Incoming, Reply } from "../incoming.ts";
import { lateAnswer } from "../time-limit.ts";
import { endOf, type Note, note, verdictOf } from "./asking.ts";
import type { Leg } from "./leg.ts";
import type { Parked } from "./parks.ts";
import { refuse } from "./relay.ts";
import { argsDigest, responsesOf, sealPark } from "./state.ts";

interface Pending {
  readonly asked: ServerRequest;
  readonly entry: Note;
}

export class Park implements Parked {
  readonly keyId: string;
  readonly #leg: Leg;
  /** Questions without an answer, by the key that the client knows. */
  readonly #pending = new Map<string, Pending>();
  #asked = 0;
  #soon = false;
  /** While nobody waits for the call: the name under which its client finds it again. */
  #id: string | undefined;
  /** What the server said meanwhile. */
  #held: Untimed | undefined;

  constructor(leg: Leg) {
    this.#leg = leg;
    this.keyId = leg.incoming.identity.keyId;
  }

  ask(asked: ServerRequest): void {
    const entry = note(this.#leg, asked.method, asked.paramsBytes);
    const verdict = verdictOf(this.#leg, asked.method, asked.params);
    if (verdict !== "ask") {
      refuse(asked, entry, verdict);
      return;
    }
    this.#asked += 1;
    const key = `q${this.#asked}`;
    this.#pending.set(key, { asked, entry });
    asked.onCancelled = () => {
      if (this.#pending.delete(key)) entry.end = "taken_back";
    };
    if (this.#soon) return;
    this.#soon = true;
    // What arrives at once is asked at once.
    queueMicrotask(() => this.#hand());
  }

  fits(incoming: Incoming, args: string): boolean {
    if (this.#leg.item.lineFramed) toOneLine(incoming.message.body.bytes);
    return argsDigest(incoming) === args && responsesOf(incoming) !== undefined;
  }

  isDenied(incoming: Incoming): boolean {
    return decide(incoming, this.#leg.call, this.#leg.ports).effect === "deny";
  }

  resume(incoming: Incoming, reply: Reply): Handling {
    const leg = this.#leg;
    this.#leave();
    leg.incoming = incoming;
    leg.reply = reply;
    leg.live.seat = { incoming, reply };
    leg.toServer();
    for (const [key, answer] of responsesOf(incoming) ?? []) this.#answer(key, answer);
    if (this.#held !== undefined) leg.end(this.#held);
    else this.#hand();
    return this;
  }

  cancel(reason: string): void {
    const { live } = this.#leg;
    live.cancelled ??= reason;
    live.atServer?.takeBack(reason);
  }

  expire(why: string): void {
    this.#leg.fail(lateAnswer(this.#leg.item, why));
  }

  /** True: the end waits for a client that may still come for it. */
  holds(end: Untimed): boolean {
    if (this.#id === undefined) return false;
    this.#held = end;
    return true;
  }

  /** Nobody is waited for any more; gives back what the server had said. */
  close(): Untimed | undefined {
    this.#leave();
    for (const { asked } of this.#pending.values()) asked.error(-32603, "No answer came in time");
    this.#pending.clear();
    return this.#held;
  }

  #leave(): void {
    if (this.#id !== undefined) this.#leg.ports.parks.delete(this.#id);
    this.#id = undefined;
  }

  #answer(key: string, answer: Uint8Array): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    const { asked, entry } = pending;
    const { action } = JSON.parse(new TextDecoder().decode(answer)) as { action?: unknown };
    entry.end = endOf(asked.method, action);
    asked.result([toLegacyAnswer(answer)]);
  }

  /** Gives the waiting client all that is asked of it. */
  #hand(): void {
    this.#soon = false;
    const leg = this.#leg;
    if (leg.over || this.#id !== undefined || this.#pending.size === 0) return;
    leg.rounds += 1;
    this.#id = leg.rounds > limits.askRounds ? undefined : leg.ports.parks.add(this);
    if (this.#id === undefined) {
      this.#turnAway();
      return;
    }
    const requests = [...this.#pending].map(([key, { asked }]) => ({
      ...{ key, method: asked.method },
      bytes: toModernQuestion(asked.method, asked.paramsBytes),
    }));
    const { incoming, reply } = leg;
    const result = inputRequired(requests, sealPark(leg, this.#id));
    leg.reply = nobody;
    leg.live.seat = { incoming, reply: nobody };
    leg.toClient();
    reply.send(200, resultMessage(incoming.message.idText, result));
  }

  /** Too many rounds, or too many calls of its key that wait: the server has to do without. */
  #turnAway(): void {
    for (const { asked, entry } of this.#pending.values()) {
      entry.end = "unasked";
      asked.error(-32603, "The gateway holds as many waiting calls of this client as it may");
    }
    this.#pending.clear();
  }
}

/** Who was given a question as the answer waits for nothing more. */
const nobody: Reply = { notify() {}, ask: () => undefined, send() {} };
