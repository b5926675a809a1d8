/**
 * The front door on stdin and stdout, for clients that start their servers: each line goes to the
 * gateway's MCP socket as Streamable HTTP, and each message that comes back is a line. It decides
 * nothing and holds no server: keys, policy and receipts are the gateway's.
 */

import { Buffer } from "node:buffer";
import { asFault, type ErrorCode, type GatewayError } from "../base/errors.ts";
import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { oneLine } from "../protocol/one-line.ts";
import { plain, rpcErrorText } from "./answers.ts";
import { bodyTooLarge } from "./full.ts";
import { askSocket, type SocketAnswer } from "./stdio-http.ts";
import { type Glance, glance } from "./stdio-message.ts";
import {
  opened,
  type Pending,
  pendingOf,
  post,
  type Relay,
  reach,
  readProtocol,
  type Session,
  type StdioPorts,
} from "./stdio-relay.ts";
import { endSession, getStream, listen, nothing, renew } from "./stdio-session.ts";

export interface StdioFront {
  /** One line of the client. */
  line(bytes: Uint8Array): void;
  /** Resolves when each request that came so far has its answer. */
  settled(): Promise<void>;
  /** The client is gone: what runs is given up, its session ended. */
  close(): Promise<void>;
}

export function openStdioFront(ports: StdioPorts): StdioFront {
  const relay: Relay = {
    ports,
    pending: new Map(),
    held: [],
    ...{ opening: undefined, idle: undefined },
    ...{ session: undefined, renewing: undefined, socket: undefined, standing: undefined },
    closed: false,
  };
  const stopBeating = beat(relay);
  return {
    line(bytes) {
      // The reader's memory is used again.
      const body = bytes.slice();
      const look = glance(body) ?? nothing;
      if (look.method === "notifications/cancelled" && takenBack(relay, look)) return;
      const one = pendingOf(look, body);
      if (look.method !== undefined && look.id !== undefined) relay.pending.set(look.id, one);
      if (body.length > ports.bodyBytes) refuse(relay, one, bodyTooLarge(ports.bodyBytes));
      else inTurn(relay, one);
    },
    settled: () =>
      new Promise((resolve) => {
        relay.idle = resolve;
        tellIdle(relay);
      }),
    async close() {
      relay.closed = true;
      stopBeating();
      relay.standing?.();
      for (const one of relay.pending.values()) one.abort();
      await endSession(relay);
    },
  };
}

/** A file that is piped in does not wait for the answer to its `initialize`, as a client does. */
function inTurn(relay: Relay, one: Pending): void {
  const { method, modern } = one.look;
  const waits = relay.opening !== undefined && relay.held.length < limits.stdioHeldMessages;
  if (waits && modern === undefined) {
    relay.held.push(one);
    return;
  }
  if (method === "initialize" && modern === undefined) relay.opening = one;
  send(relay, one).catch((thrown) => refuse(relay, one, asFault(thrown, "Cannot relay")));
}

function tellIdle(relay: Relay): void {
  if (relay.pending.size === 0 && relay.held.length === 0) relay.idle?.();
}

/** Why a line is sent once more: it provably never left, or was refused for an old session. */
type Again = "unsent" | "renewed";

async function send(relay: Relay, one: Pending, again: readonly Again[] = []): Promise<void> {
  const socket = await reach(relay, again.at(-1) === "unsent").catch((thrown: unknown) => {
    refuse(relay, one, asFault(thrown, "Cannot reach the gateway"));
    return undefined;
  });
  if (socket === undefined || relay.closed || one.answered) return;
  const used = relay.session;
  one.abort = post(relay, socket, one, {
    head(status, header) {
      if (status === 200 && one.look.method === "initialize") {
        opened(relay, one, header("mcp-session-id"));
      }
    },
    event: (data, id) => event(relay, one, data, id),
    end(answer) {
      ended(relay, one, { answer, used, again }).catch((thrown) =>
        refuse(relay, one, asFault(thrown, "Cannot relay")),
      );
    },
  });
}

async function ended(
  relay: Relay,
  one: Pending,
  how: { answer: SocketAnswer; used: Session | undefined; again: readonly Again[] },
): Promise<void> {
  const { answer, used, again } = how;
  if (relay.closed || one.answered) return;
  if (answer.kind === "failed" && !answer.sent && !again.includes("unsent")) {
    return send(relay, one, [...again, "unsent"]);
  }
  if (answer.kind === "whole") {
    const lost = answer.status === 404 && used !== undefined && !again.includes("renewed");
    if (!lost || codeIn(answer.body) !== "GW_SESSION_UNKNOWN") {
      return whole(relay, one, answer.status, answer.body);
    }
    await renew(relay, used, event);
    return send(relay, one, [...again, "renewed"]);
  }
  if (one.lastEvent !== undefined && relay.session !== undefined) return resume(relay, one);
  const why = answer.kind === "failed" ? answer.why : "the stream ended without an answer";
  refuse(relay, one, plain("GW_INTERRUPTED", why));
}

/** The rest of a stream that broke, from the gateway's event store. */
function resume(relay: Relay, one: Pending): void {
  const from = one.lastEvent;
  one.abort = getStream(relay, one, event, (answer) => {
    if (one.answered || relay.closed) return;
    if (one.lastEvent !== from) {
      resume(relay, one);
      return;
    }
    const why = answer.kind === "failed" ? answer.why : "its stream could not be resumed";
    refuse(relay, one, plain("GW_INTERRUPTED", why));
  });
}

function event(relay: Relay, one: Pending, data: Uint8Array, id: string | undefined): void {
  if (id !== undefined) one.lastEvent = id;
  if (data.length === 0 || relay.closed) return;
  const look = glance(data);
  const answers = look !== undefined && look.method === undefined && look.id !== undefined;
  if (answers) answered(relay, relay.pending.get(look.id as string));
  if (one.look.method === "initialize") readProtocol(relay, data);
  relay.ports.out(oneLine(data));
}

function whole(relay: Relay, one: Pending, status: number, body: Uint8Array): void {
  const { look } = one;
  if (look.method === "notifications/initialized" && status < 300) listen(relay, event);
  if (status >= 400 && (look.id === undefined || glance(body)?.id !== look.id)) {
    refuse(relay, one, refusal(status, body));
    return;
  }
  answered(relay, one);
  if (body.length === 0) return;
  if (look.method === "initialize" && status === 200) readProtocol(relay, body);
  relay.ports.out(oneLine(body));
}

/** Our own words, under the client's id. Nobody waits for the answer to anything but a request. */
function refuse(relay: Relay, one: Pending, error: GatewayError): void {
  if (one.answered || relay.closed) return;
  answered(relay, one);
  const { method, id } = one.look;
  const waits = id !== undefined || method === undefined;
  if (waits) relay.ports.out(rpcErrorText(error, id));
  else relay.ports.note(`${error.code}: ${error.message}${error.why && `: ${error.why}`}`);
}

function answered(relay: Relay, one: Pending | undefined): void {
  if (one === undefined) return;
  one.answered = true;
  const { id } = one.look;
  if (id !== undefined && relay.pending.get(id) === one) relay.pending.delete(id);
  if (relay.opening === one) {
    relay.opening = undefined;
    for (const next of relay.held.splice(0)) inTurn(relay, next);
  }
  tellIdle(relay);
}

/**
 * Nothing is answered any more. A client of 2026-07-28 cancels by notification on stdio only: over
 * HTTP the closed response says it, and the notification goes nowhere (true).
 */
function takenBack(relay: Relay, look: Glance): boolean {
  const one = relay.pending.get(JSON.stringify(member(look.params, "requestId")));
  if (one !== undefined) answered(relay, one);
  if (look.modern === undefined) return false;
  one?.abort();
  return true;
}

/** Somebody is here: a gateway that was started for stdio clients ends when nobody is. */
function beat(relay: Relay): () => void {
  let cancel = () => {};
  const next = () => {
    cancel = relay.ports.clock.after(limits.stdioBeatMs, () => {
      relay.socket?.then(
        (socket) => {
          const page = { socket, method: "GET", path: "/health", headers: {} } as const;
          const on = { event: () => undefined, end: () => undefined };
          askSocket({ ...page, maxBytes: 1024 }, on);
        },
        () => undefined,
      );
      next();
    });
  };
  next();
  return () => cancel();
}

/** A refusal without a JSON-RPC message for this request: code, cause and fix are the gateway's. */
function refusal(status: number, body: Uint8Array): GatewayError {
  const code = codeIn(body);
  return code === undefined
    ? plain("GW_INTERNAL", `the gateway answered HTTP ${status}`)
    : plain(code);
}

function codeIn(body: Uint8Array): ErrorCode | undefined {
  return /\bGW_[A-Z_]+\b/.exec(Buffer.from(body).toString("utf8"))?.[0] as ErrorCode | undefined;
}
