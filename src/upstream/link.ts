/** One live conversation with a server, whatever the transport, after its handshake. */

import { type JsonObject, member } from "../base/json.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type {
  ServerHello,
  ServerRequest,
  Unattributed,
  UpstreamRequest,
  UpstreamSink,
} from "./upstream.ts";

export interface Link {
  readonly hello: ServerHello;
  readonly pid: number | undefined;
  /** All that the server says comes on one stream: what it asks does not say for which call. */
  readonly oneStream: boolean;
  /**
   * Sends one request. Throws GW_UPSTREAM_BUSY or GW_UPSTREAM_DOWN while nothing was sent; after
   * that the sink is told the end once, and never before this returns.
   */
  send(id: number, request: UpstreamRequest, sink: UpstreamSink): Sent;
  /**
   * A question of a server went unanswered as a call that was taken back may have asked it: the
   * next one would too, until there is another process or session.
   */
  readonly stale: boolean;
  /** Of a modern server: has these resources watched and no others; those that it does watch. */
  watch(uris: ReadonlySet<string>): Promise<ReadonlySet<string>>;
  /** Ends the conversation; what is in flight fails. Resolves when the server is told or gone. */
  close(): Promise<void>;
}

export interface Sent {
  cancel(reason: string): void;
}

export interface LinkEvents {
  /** A process is started for it: one attempt may take two (R13). */
  begun?(): void;
  /** The server says that a list changed. */
  listChanged(method: ListMethod): void;
  /** A resource changed that the server was asked to watch. */
  updated(uri: string, params: JsonObject): void;
  /** Another session with the same server: what was set in the old one is gone. */
  renewed(): void;
  /** Something of the server's that belongs to some call went to none. */
  unattributed(what: keyof Unattributed): void;
  /** Something it told or asked beside its calls came too fast, and was dropped. */
  dropped(): void;
  /** The conversation is over without our doing; told once, after what was in flight failed. */
  lost(cause: string): void;
  /** Something is wrong that does not end the conversation, or nothing any more. */
  ailing(cause: string | undefined): void;
  /** A line of the server's stderr. */
  stderr(line: string): void;
}

/** Makes a link, with the handshake of the era. Rejects with a ConnectError or GatewayError. */
export type Connect = (events: LinkEvents) => Promise<Link>;

/** Why there is no link. `refused`: nobody listens, so a bare TCP probe tells when to try again. */
export class ConnectError extends Error {
  readonly refused: boolean;
  constructor(message: string, refused = false) {
    super(message);
    this.refused = refused;
  }
}

/** A question within one of the gateway's own requests: nobody is there to answer it. */
export function notOurs(asked: ServerRequest): void {
  if (asked.method === "roots/list") asked.result(['{"roots":[]}']);
  else asked.error(-32601, "Method not found");
}

/** notifications/tools/list_changed → tools/list; undefined for what is no list change. */
export function changedList(method: string): ListMethod | undefined {
  if (method === "notifications/tools/list_changed") return "tools/list";
  if (method === "notifications/prompts/list_changed") return "prompts/list";
  if (method === "notifications/resources/list_changed") return "resources/list";
  return undefined;
}

/** The resource of notifications/resources/updated; undefined for all else. */
export function updatedResource(method: string, params: JsonObject): string | undefined {
  if (method !== "notifications/resources/updated") return undefined;
  const uri = member(params, "uri");
  return typeof uri === "string" ? uri : undefined;
}
