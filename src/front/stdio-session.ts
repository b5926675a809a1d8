/** The legacy session of a stdio client: its standing stream, its renewal, its end. */

import { causeText } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { askSocket, type SocketAnswer } from "./stdio-http.ts";
import type { Glance } from "./stdio-message.ts";
import {
  headersFor,
  opened,
  type Pending,
  pendingOf,
  post,
  type Relay,
  reach,
  readProtocol,
  type Session,
} from "./stdio-relay.ts";

/** Told of each event, and of the request it is for when the stream is that request's. */
export type OnEvent = (
  relay: Relay,
  one: Pending,
  data: Uint8Array,
  id: string | undefined,
) => void;

/** Opens the standing stream, and opens it again as long as the client lives. */
export function listen(relay: Relay, onEvent: OnEvent): void {
  relay.standing?.();
  const holder = pendingOf(nothing, new Uint8Array(0));
  const open = () => {
    if (relay.closed) return;
    relay.standing = getStream(relay, holder, onEvent, (answer) => {
      // 404 and 405: no such session any more, or no such stream at all.
      if (answer.kind === "whole") return;
      relay.standing = relay.ports.clock.after(limits.stdioReopenMs, open);
    });
  };
  open();
}

/** The events after the last one that came for `one`. The returned function ends it. */
export function getStream(
  relay: Relay,
  one: Pending,
  onEvent: OnEvent,
  end: (answer: SocketAnswer) => void,
): () => void {
  let stop = () => {};
  let stopped = false;
  reach(relay).then(
    (socket) => {
      if (stopped || relay.closed) return;
      const more: Record<string, string> =
        one.lastEvent === undefined ? {} : { "last-event-id": one.lastEvent };
      const headers = { ...headersFor(relay), accept: "text/event-stream", ...more };
      const request = { socket, method: "GET", path: "/mcp", headers } as const;
      stop = askSocket(
        { ...request, maxBytes: limits.stdioAnswerBytes },
        { event: (data, id) => onEvent(relay, one, data, id), end },
      );
    },
    (thrown) => end({ kind: "failed", sent: false, why: causeText(thrown) }),
  );
  return () => {
    stopped = true;
    stop();
  };
}

/** The gateway knows the session no more: a new one, of which the client need not know. */
export function renew(relay: Relay, used: Session, onEvent: OnEvent): Promise<void> {
  if (relay.session !== used) return relay.renewing ?? Promise.resolve();
  relay.renewing ??= initializeAgain(relay, used).then(() => {
    relay.renewing = undefined;
    if (relay.session !== used) listen(relay, onEvent);
  });
  return relay.renewing;
}

async function initializeAgain(relay: Relay, used: Session): Promise<void> {
  const one = pendingOf({ ...nothing, method: "initialize" }, used.hello);
  const socket = await reach(relay);
  return new Promise((resolve) => {
    post(relay, socket, one, {
      head(status, header) {
        if (status === 200) opened(relay, one, header("mcp-session-id"));
      },
      event: (data) => readProtocol(relay, data),
      end(answer) {
        if (answer.kind === "whole" && answer.status === 200) readProtocol(relay, answer.body);
        resolve();
      },
    });
  });
}

/** Tells the gateway that the client is gone; it may be gone itself. */
export async function endSession(relay: Relay): Promise<void> {
  if (relay.session === undefined || relay.socket === undefined) return;
  const socket = await relay.socket;
  await new Promise<void>((resolve) => {
    const request = { socket, method: "DELETE", path: "/mcp", headers: headersFor(relay) } as const;
    askSocket({ ...request, maxBytes: 1024 }, { event: () => undefined, end: () => resolve() });
    relay.ports.clock.after(limits.stdioGoodbyeMs, resolve);
  });
}

/** A line that is no message of its own. */
export const nothing: Glance = {
  ...{ method: undefined, id: undefined, modern: undefined, params: {} },
};
