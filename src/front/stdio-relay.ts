/** What the parts of the stdio door share: its state, and the way to the gateway's MCP socket. */

import { Buffer } from "node:buffer";
import { isObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { askSocket, type SocketEvents } from "./stdio-http.ts";
import { type Glance, modernHeaders } from "./stdio-message.ts";

export interface StdioPorts {
  readonly clock: Clock;
  readonly token: string;
  /** limits.body: of a longer line the gateway cuts the connection, which says nothing. */
  readonly bodyBytes: number;
  /** The MCP socket of a gateway that answers; starts one where none does. */
  reach(): Promise<string>;
  /** One message, without its line feed. Nothing else may reach stdout. */
  out(line: string | Uint8Array): void;
  /** A line for people, on stderr. */
  note(line: string): void;
}

export interface Relay {
  readonly ports: StdioPorts;
  /** Requests of the client without an answer, by the JSON text of their id. */
  readonly pending: Map<string, Pending>;
  /** A legacy `initialize` without an answer: what follows needs its session, and waits. */
  opening: Pending | undefined;
  held: Pending[];
  /** Told when no request is left. */
  idle: (() => void) | undefined;
  session: Session | undefined;
  renewing: Promise<void> | undefined;
  socket: Promise<string> | undefined;
  /** Ends the standing stream. */
  standing: (() => void) | undefined;
  closed: boolean;
}

export interface Session {
  readonly id: string;
  protocol: string;
  /** The line it was opened with, to open the next one when this is no more. */
  readonly hello: Uint8Array;
}

/** One line of the client on its way. */
export interface Pending {
  readonly look: Glance;
  readonly body: Uint8Array;
  abort(): void;
  /** Id of its last event: what comes after it can be asked for. */
  lastEvent: string | undefined;
  answered: boolean;
}

export function pendingOf(look: Glance, body: Uint8Array): Pending {
  return { look, body, abort() {}, lastEvent: undefined, answered: false };
}

/** `again`: what was reached before is gone. */
export function reach(relay: Relay, again = false): Promise<string> {
  if (again) relay.socket = undefined;
  if (relay.socket === undefined) {
    const trying = relay.ports.reach();
    relay.socket = trying;
    trying.catch(() => {
      if (relay.socket === trying) relay.socket = undefined;
    });
  }
  return relay.socket;
}

export function headersFor(relay: Relay, look?: Glance): Record<string, string> {
  const own = {
    authorization: `Bearer ${relay.ports.token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const { session } = relay;
  if (look?.modern !== undefined) return { ...own, ...modernHeaders(look) };
  if (session === undefined || look?.method === "initialize") return own;
  const version = { "mcp-protocol-version": session.protocol };
  return { ...own, ...version, "mcp-session-id": session.id };
}

/** Sends a line; its answer goes to `on`. */
export function post(relay: Relay, socket: string, one: Pending, on: SocketEvents): () => void {
  const headers = headersFor(relay, one.look);
  const request = { socket, method: "POST", path: "/mcp", headers, body: one.body } as const;
  return askSocket({ ...request, maxBytes: limits.stdioAnswerBytes }, on);
}

/** `initialize` was answered: its session goes with all that follows. */
export function opened(relay: Relay, one: Pending, id: string | undefined): void {
  if (id === undefined) return;
  relay.standing?.();
  relay.standing = undefined;
  relay.session = { id, protocol: "2025-03-26", hello: one.body };
}

/** The revision that `initialize` was answered with. */
export function readProtocol(relay: Relay, body: Uint8Array): void {
  if (relay.session === undefined) return;
  const tree: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
  const result = isObject(tree) ? member(tree, "result") : undefined;
  const protocol = isObject(result) ? member(result, "protocolVersion") : undefined;
  if (typeof protocol === "string") relay.session.protocol = protocol;
}
