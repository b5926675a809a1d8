/** Sends the calls of one link: in the session there is now, after what must be set first. */

import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { paramsName, requestOpening, requestTail } from "../protocol/envelope.ts";
import { ask } from "./http-ask.ts";
import type { Call } from "./http-call.ts";
import type { Session } from "./http-connect.ts";
import type { LiveSession } from "./http-live.ts";
import { post } from "./http-post.ts";
import { type HttpTarget, legacyFields, modernFields } from "./http-target.ts";
import { createLogLevel, type LogLevel } from "./log-level.ts";

export interface Sender {
  transmit(call: Call): void;
  /**
   * Reads on where the stream of a call broke off, with what comes after its last event: the call
   * itself is never sent again. False where that is not possible, or was tried too often.
   */
  resume(call: Call): boolean;
  /** There is another session, in which nothing is set. */
  renewed(): void;
}

export interface SenderOptions {
  readonly target: HttpTarget;
  readonly clock: Clock;
  readonly live: LiveSession;
}

export function createSender({ target, clock, live }: SenderOptions): Sender {
  let level = levelOf(live.session);
  let setting: Promise<unknown> | undefined;

  function transmit(call: Call): void {
    const { id, request } = call;
    const { head, session } = live;
    const { era } = session.hello;
    call.session = session;
    if (era === "legacy" && request.origin?.logLevel !== undefined && !levelIsSet(call)) return;
    const headers = call.headers ?? request.headers;
    const fields = era === "modern" ? modernFields(request.method, request.name, headers) : "";
    call.headText = fields === "" ? head : head + fields;
    call.opening = requestOpening(request.method);
    call.between = paramsName;
    call.body = request.params(id, era);
    call.closing = requestTail;
    call.exchange = post(target, call, call, cuts(call));
  }

  /** False while the level that the call wants is being set: it is sent after that. */
  function levelIsSet(call: Call): boolean {
    const message = level.raise(call.request.origin?.logLevel);
    if (message !== undefined) {
      const own = ask(target, clock, live.head, message, limits.connectMs)
        .catch(() => undefined)
        .finally(() => {
          if (setting === own) setting = undefined;
        });
      setting = own;
    }
    if (setting === undefined) return true;
    void setting.then(() => {
      if (!call.over) transmit(call);
    });
    return false;
  }

  function readOn(call: Call, session: Session, lastEvent: string): void {
    const fields = legacyFields(session.hello.protocol, session.id);
    const headText = `${target.getHead}${fields}${lastEventField(lastEvent)}`;
    call.exchange = post(target, { headText, body: undefined }, call, cuts(call));
  }

  return {
    transmit,
    resume(call) {
      const { lastEvent, session } = call;
      if (lastEvent === undefined || session === undefined || session.hello.era === "modern") {
        return false;
      }
      if (lastEventField(lastEvent) === undefined) return false;
      // It went on since it was resumed last.
      if (call.resumedAfter !== lastEvent) call.resumes = 0;
      call.resumes += 1;
      call.resumedAfter = lastEvent;
      if (call.resumes > limits.resumeTries) return false;
      const waitMs = Math.min(call.retryMs ?? limits.resumeMs, limits.backoffLastMs);
      const stop = clock.after(waitMs, () => readOn(call, session, lastEvent));
      call.exchange = { abort: stop, rest: () => undefined };
      return true;
    },
    renewed() {
      level = levelOf(live.session);
    },
  };
}

/** What a tool answers is passed on as bytes; lists are read whole. */
function cuts({ request }: Call): boolean {
  return request.method === "tools/call";
}

function levelOf({ hello }: Session): LogLevel {
  return createLogLevel(member(hello.capabilities, "logging") !== undefined);
}

/** undefined for an id that cannot stand in a header. */
function lastEventField(id: string): string | undefined {
  if (id.length > limits.idBytes || !/^[\x21-\x7e]+$/.test(id)) return undefined;
  return `Last-Event-ID: ${id}\r\n`;
}
