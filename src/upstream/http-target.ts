/** One HTTP server: its pool, and the heads of requests to it. */

import { encodeMirror } from "../protocol/mirror.ts";
import { addressesOf } from "./address.ts";
import { createHttpPool, type HttpPool } from "./http-pool.ts";
import { fixedHead, type Header, headerText } from "./http-request.ts";
import type { HttpSettings, Identity, ResultLimit, UpstreamOptions } from "./settings.ts";

export interface HttpTarget {
  readonly server: string;
  readonly pool: HttpPool;
  readonly limits: ResultLimit;
  readonly identity: Identity;
  readonly url: URL;
  /** Heads up to where the header fields of a session follow. */
  readonly postHead: string;
  readonly getHead: string;
  readonly deleteHead: string;
  /** The head of a POST to another address of the same server. */
  postHeadOf(url: URL): string;
}

export function httpTarget(options: UpstreamOptions, settings: HttpSettings): HttpTarget {
  const url = new URL(settings.url);
  const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const secure = url.protocol === "https:";
  const pool = createHttpPool({
    runtime: options.runtime,
    clock: options.clock,
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    tls: secure
      ? { serverName: host, ...(settings.ca === undefined ? {} : { ca: settings.ca }) }
      : undefined,
    addresses: addressesOf(host, settings.allowLinkLocal, options.runtime.lookup),
  });
  const header = [...ownHeader(options.identity), ...Object.entries(settings.headers)];
  const postHeadOf = (to: URL) =>
    fixedHead("POST", to, [
      ...header,
      ["Content-Type", "application/json"],
      ["Accept", "application/json, text/event-stream"],
    ]);
  return {
    server: options.config.id,
    url,
    pool,
    limits: options.limits,
    identity: options.identity,
    postHead: postHeadOf(url),
    postHeadOf,
    getHead: fixedHead("GET", url, [...header, ["Accept", "text/event-stream"]]),
    deleteHead: fixedHead("DELETE", url, header),
  };
}

function ownHeader(identity: Identity): Header {
  return [
    ["User-Agent", `${identity.name}/${identity.version}`],
    ["Accept-Encoding", "identity"],
  ];
}

/** Fields of a modern request: the body's method and name once more. */
export function modernFields(method: string, name: string | undefined, more: Header): string {
  const fields = `${versionField}Mcp-Method: ${method}\r\n`;
  const named = name === undefined ? fields : `${fields}${nameField(name)}`;
  return more.length === 0 ? named : named + headerText(more);
}

const versionField = "MCP-Protocol-Version: 2026-07-28\r\n";

/** Names recur: their fields are kept. */
const nameFields = new Map<string, string>();

function nameField(name: string): string {
  let field = nameFields.get(name);
  if (field === undefined) {
    field = headerText([["Mcp-Name", encodeMirror(name)]]);
    if (nameFields.size >= 4096) nameFields.clear();
    nameFields.set(name, field);
  }
  return field;
}

/** Fields of a legacy request in a session. */
export function legacyFields(protocol: string, session: string | undefined): string {
  const version = `MCP-Protocol-Version: ${protocol}\r\n`;
  return session === undefined ? version : version + headerText([["Mcp-Session-Id", session]]);
}
