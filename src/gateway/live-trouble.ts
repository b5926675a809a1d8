/** What is wrong with a server, what to do, and what it means: from its state, for people. */

import type { LiveServer } from "../admin/contract.ts";
import type { ErrorCode } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { UpstreamStatus } from "../upstream/upstream.ts";
import type { ServerConfig } from "./config-model.ts";
import type { Parts } from "./parts.ts";

export interface TroubleFacts {
  readonly server: ServerConfig;
  readonly status: UpstreamStatus;
  /** Why its last list failed. */
  readonly listFault: string | undefined;
  readonly tools: number;
  readonly quarantined: number;
  /** Keys that see any of its tools. */
  keys(): number;
}

/** null: it is well, or it is meant to be as it is. */
export function troubleOf(facts: TroubleFacts): LiveServer["trouble"] {
  const { server, status, listFault } = facts;
  const { state } = status;
  const cause = printable(status.cause ?? listFault ?? "").slice(0, limits.liveTextChars);
  if (state === "disabled") {
    if (!server.enabled) return null;
    const fix = `authensor-gw servers enable ${server.id}`;
    return { code: "GW_UPSTREAM_DOWN", cause, fix, effect: effectOf(facts) };
  }
  const isDown = state === "backoff" || state === "crash-loop";
  if (!isDown && state !== "degraded" && listFault === undefined) return null;
  const code: ErrorCode = isDown ? "GW_UPSTREAM_DOWN" : "GW_UPSTREAM_ERROR";
  return { code, cause, fix: fixOf(server, cause), effect: effectOf(facts) };
}

/** The first that fits: a word of the cause, and what mends that. */
function fixOf(server: ServerConfig, cause: string): string {
  const at = `servers.${server.id}`;
  const retry = `authensor-gw servers retry ${server.id}`;
  const words = server.transport.kind === "stdio" ? stdioFixes : httpFixes;
  const found = words.find(([marks]) => marks.some((mark) => cause.includes(mark)));
  return found === undefined ? retry : found[1](at, retry);
}

type Fix = readonly [marks: readonly string[], say: (at: string, retry: string) => string];

const stdioFixes: readonly Fix[] = [
  [
    ["ENOENT", "not found", "No such file"],
    (at, retry) => `install the program, or correct ${at}.command; then ${retry}`,
  ],
  [["EACCES", "Permission denied"], (at, retry) => `make ${at}.command executable; then ${retry}`],
  [
    ["ended", "exit", "signal", "within a minute"],
    (at, retry) => `read its stderr: authensor-gw servers show ${at.slice(8)}; then ${retry}`,
  ],
];

const httpFixes: readonly Fix[] = [
  [["401", "403"], (at) => `correct ${at}.headers in the config; then restart the gateway`],
  [["ECONNREFUSED"], (at, retry) => `start the server, or correct ${at}.url; then ${retry}`],
  [
    ["ENOTFOUND", "EAI_AGAIN", "getaddrinfo"],
    (at) => `correct the host in ${at}.url, or this machine's DNS`,
  ],
  [
    ["CERT", "certificate", "TLS", "SELF_SIGNED", "issuer"],
    (at) => `renew the server's certificate, or name its CA in ${at}.tls.ca`,
  ],
  [["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"], (at) => `check the way to the host of ${at}.url`],
  [["redirect"], (at) => `correct ${at}.url: redirects are not followed`],
];

function effectOf(facts: TroubleFacts): string {
  const { server, status, tools, quarantined, listFault } = facts;
  const known = tools + quarantined;
  if (status.state === "disabled") return "its tools are not offered";
  if (known === 0) return "its tools are missing";
  const count = known === 1 ? "1 tool" : `${known} tools`;
  const keys = facts.keys();
  const whose = keys === 1 ? "1 key" : `${keys} keys`;
  if (status.state === "degraded") return `calls of ${count} may fail, for ${whose}`;
  if (listFault !== undefined && status.state === "ready") {
    return `${count} may be out of date, for ${whose}`;
  }
  const required = server.required ? "; /ready says no" : "";
  return `calls of ${count} fail for ${whose}${required}`;
}

/** Executor keys that see any tool of the server; asked only where there is trouble. */
export function keysThatSee(parts: Parts, server: string): number {
  const tools = parts.catalog.all().filter((tool) => tool.server === server);
  const now = Date.now();
  const live = parts.access
    .list()
    .filter((row) => row.revokedMs === null && (row.expiresMs === null || row.expiresMs > now))
    .filter((row) => row.roles.includes("executor"));
  const policy = parts.policy.current;
  return live.slice(0, keysAtMost).filter(({ id: keyId, name: keyName, roles }) =>
    tools.some(({ target, declared }) => {
      const subject = { keyId, keyName, roles, claims: {} };
      const seen = policy.candidates(subject, { kind: "tool", name: target, declared });
      return seen.visibility !== "deny";
    }),
  ).length;
}

/** More keys than this are not looked at: it is one number in a sentence. */
const keysAtMost = 200;
