/** From nothing to a session with an HTTP server: its era, and the handshake of that era. */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { notificationMessage, requestHead, requestTail } from "../protocol/envelope.ts";
import type { Era } from "../protocol/message.ts";
import {
  eraOfProbe,
  helloOfDiscover,
  helloOfInitialize,
  initializeParams,
  modernMeta,
  refusesButSpeaks,
} from "./handshake.ts";
import { type Answer, ask, refusalText } from "./http-ask.ts";
import { type HttpTarget, legacyFields, modernFields } from "./http-target.ts";
import { ConnectError } from "./link.ts";
import type { Offer } from "./settings.ts";
import type { ServerHello } from "./upstream.ts";

export interface Session {
  readonly hello: ServerHello;
  /** Mcp-Session-Id of a legacy server that has sessions. */
  readonly id: string | undefined;
}

export interface Connector {
  /** Finds out the era unless it is known or pinned. Rejects with ConnectError. */
  open(): Promise<Session>;
  /** A new session with a server that forgot the old one. */
  renew(): Promise<Session>;
  /** It is another server now: its era is found out anew. */
  forget(): void;
}

/** With an `offer` it is of the legacy era: modern servers are told on each request. */
export function httpConnector(
  target: HttpTarget,
  clock: Clock,
  protocol: "auto" | Era,
  offer: Offer | undefined,
): Connector {
  const pinned = offer === undefined ? protocol : "legacy";
  let verdict: { readonly era: Era; readonly at: number } | undefined;

  async function open(): Promise<Session> {
    const known = pinned === "auto" ? remembered() : pinned;
    if (known === "legacy") return openLegacy();
    const first = await discover(target, clock);
    // It names our version as one of its own: once more, as the specification asks of clients.
    const again = first.body !== undefined && refusesButSpeaks(first.body);
    const answer = again ? await discover(target, clock) : first;
    const modern = answer.body !== undefined && eraOfProbe(answer.body) === "modern";
    if (modern && answer.body !== undefined) {
      const hello = helloOfDiscover(answer.body);
      verdict = { era: "modern", at: clock.mono() };
      return { hello, id: undefined };
    }
    checkEvidence(answer);
    if (pinned === "modern") {
      throw new ConnectError(`it does not answer server/discover: ${refusalText(answer)}`);
    }
    return openLegacy();
  }

  async function openLegacy(): Promise<Session> {
    try {
      const session = await initialize(target, clock, offer);
      if (verdict?.era !== "legacy") verdict = { era: "legacy", at: clock.mono() };
      return session;
    } catch (error) {
      // Perhaps it is another server now: ask from the start next time. Or it is down.
      if (!(error instanceof ConnectError && error.refused)) verdict = undefined;
      throw error;
    }
  }

  /** An old verdict of "legacy" is asked again: servers get upgraded. */
  function remembered(): Era | undefined {
    if (verdict?.era !== "legacy") return undefined;
    return clock.mono() - verdict.at < limits.eraVerdictMs ? "legacy" : undefined;
  }

  return {
    open,
    renew: openLegacy,
    forget() {
      verdict = undefined;
    },
  };
}

function discover(target: HttpTarget, clock: Clock): Promise<Answer> {
  const head = target.postHead + modernFields("server/discover", undefined, []);
  const params = `{"_meta":${modernMeta(target.identity)}}`;
  const message = [requestHead(0, "server/discover"), params, requestTail];
  return ask(target, clock, head, message, limits.handshakeMs);
}

/** 401, 403, 3xx and 5xx say nothing about the era: servers of either give them. */
function checkEvidence(answer: Answer): void {
  const { status } = answer;
  if (status >= 500 || (status >= 300 && status < 400) || status === 401 || status === 403) {
    throw new ConnectError(`it answers ${refusalText(answer)}${hintOf(status)}`);
  }
}

/** Older servers know no POST at this address: they are of HTTP+SSE (2024-11-05, transports). */
export class NoPost extends ConnectError {}

async function initialize(
  target: HttpTarget,
  clock: Clock,
  offer: Offer | undefined,
): Promise<Session> {
  const params = initializeParams(target.identity, offer);
  const message = [requestHead(0, "initialize"), params, requestTail];
  const answer = await ask(target, clock, target.postHead, message, limits.handshakeMs);
  if (answer.status >= 300 || answer.body === undefined) {
    const why = `it answers initialize with ${refusalText(answer)}${hintOf(answer.status)}`;
    throw noPost.has(answer.status) ? new NoPost(why) : new ConnectError(why);
  }
  const hello = helloOfInitialize(answer.body);
  const id = answer.fields.get("mcp-session-id");
  const head = target.postHead + legacyFields(hello.protocol, id);
  const told = [notificationMessage("notifications/initialized")];
  const accepted = await ask(target, clock, head, told, limits.handshakeMs);
  if (accepted.status >= 300) {
    throw new ConnectError(`it answers notifications/initialized with ${refusalText(accepted)}`);
  }
  return { hello, id };
}

const noPost: ReadonlySet<number> = new Set([400, 404, 405]);

function hintOf(status: number): string {
  if (status === 401 || status === 403) return "; check `headers` of the server in the config";
  if (status >= 300 && status < 400) return "; redirects are not followed, correct `url`";
  return "";
}
