/** From the words of a server's cause to a code and what to do: the first row that fits. */

import type { ErrorCode } from "../base/errors.ts";
import type { UpstreamState } from "../upstream/upstream.ts";
import type { ServerConfig } from "./config-model.ts";

export interface ServerFault {
  readonly code: ErrorCode;
  /** A command where there is one. */
  readonly fix: string;
}

/** `configChanged`: the config's file is newer than what the gateway runs with. */
export function faultOf(
  server: ServerConfig,
  cause: string,
  state: UpstreamState,
  configChanged = false,
): ServerFault {
  const { id } = server;
  const words: Words = {
    cause,
    at: `servers.${id}`,
    retry: `authensor-gw servers retry ${id}`,
    show: `authensor-gw servers show ${id}`,
    restart: `authensor-gw servers restart ${id}`,
    disable: `authensor-gw servers disable ${id}`,
    enable: `authensor-gw servers enable ${id}`,
  };
  const own = server.transport.kind === "stdio" ? stdioRows : httpRows;
  const rows = [...firstRows, ...own, ...commonRows];
  const row = rows.find(({ marks }) => marks.some((mark) => cause.includes(mark)));
  if (row !== undefined) {
    return { code: row.code, fix: fixText(row.fix(words), words.retry, configChanged) };
  }
  const isDown = state !== "degraded" && state !== "ready";
  return { code: isDown ? "GW_UPSTREAM_DOWN" : "GW_UPSTREAM_ERROR", fix: words.retry };
}

/** What would mend it: `outside` of the config, in it, or words of their own. */
type Fix = string | { readonly outside?: string; readonly config?: string };

/** A retry tries what was loaded; what is corrected in the config needs a reload (GW_STALE). */
export function fixText(fix: Fix, retry: string, configChanged: boolean): string {
  if (typeof fix === "string") return fix;
  const { outside, config } = fix;
  const again = outside === undefined ? undefined : `${outside}; then ${retry}`;
  if (config === undefined) return again ?? retry;
  if (configChanged) {
    const changed = "authensor-gw reload: the config was changed since it was read";
    return again === undefined ? changed : `${changed}. Or ${again}`;
  }
  const inConfig = `${config}, then authensor-gw reload`;
  return again === undefined ? inConfig : `${again}. Or ${inConfig}`;
}

interface Words {
  readonly cause: string;
  readonly at: string;
  readonly retry: string;
  readonly show: string;
  readonly restart: string;
  readonly disable: string;
  readonly enable: string;
}

interface Row {
  readonly marks: readonly string[];
  readonly code: ErrorCode;
  fix(words: Words): Fix;
}

/** Their causes quote those of others. */
const firstRows: readonly Row[] = [
  {
    marks: ["calls failed, the last one as"],
    code: "GW_UPSTREAM_FAILING",
    fix: ({ at }) => ({
      outside: "look at the server's own log",
      config: `set ${at}.breaker for when this happens`,
    }),
  },
];

const stdioRows: readonly Row[] = [
  {
    marks: ["its cwd"],
    code: "GW_SERVER_COMMAND",
    fix: ({ at }) => ({ outside: "make the folder", config: `correct ${at}.cwd` }),
  },
  {
    marks: ["ENOEXEC"],
    code: "GW_SERVER_COMMAND",
    fix: ({ at }) => ({
      outside: "begin the script with a #! line",
      config: `name its interpreter first in ${at}.command`,
    }),
  },
  {
    marks: ["(EACCES)", "Permission denied"],
    code: "GW_SERVER_COMMAND",
    fix: ({ at }) => ({
      outside: "make its program executable",
      config: `correct ${at}.command`,
    }),
  },
  {
    marks: ["could not be started"],
    code: "GW_SERVER_COMMAND",
    fix: ({ at }) => ({ outside: "install the program", config: `correct ${at}.command` }),
  },
  {
    marks: ["it exited", "it was ended", "within a minute"],
    code: "GW_SERVER_EXITS",
    fix: ({ at, show }) => ({
      outside: `read its last words (${show}) and mend it`,
      config: `correct ${at}.command, args or env`,
    }),
  },
];

const httpRows: readonly Row[] = [
  {
    marks: ["HTTP 401", "HTTP 403"],
    code: "GW_SERVER_AUTH",
    fix: ({ at }) => ({ config: `correct ${at}.headers in the config` }),
  },
  {
    marks: ["redirects"],
    code: "GW_SERVER_HTTP",
    fix: ({ at }) => ({ config: `correct ${at}.url in the config` }),
  },
  {
    marks: ["HTTP 404", "HTTP 405", "neither JSON nor", "HTTP 400", "HTTP 200"],
    code: "GW_SERVER_HTTP",
    fix: ({ at }) => ({ config: `correct the path in ${at}.url` }),
  },
  {
    marks: ["HTTP 5"],
    code: "GW_SERVER_HTTP",
    fix: () => ({ outside: "look at the server's own log" }),
  },
  {
    marks: ["ECONNREFUSED"],
    code: "GW_SERVER_REFUSED",
    fix: ({ at }) => ({ outside: "start the server", config: `correct the port in ${at}.url` }),
  },
  {
    marks: ["ENOTFOUND", "EAI_AGAIN", "getaddrinfo", "has no address"],
    code: "GW_SERVER_NAME",
    fix: ({ at }) => ({
      outside: "mend this machine's DNS",
      config: `correct the host in ${at}.url`,
    }),
  },
  {
    marks: ["EHOSTUNREACH", "ENETUNREACH"],
    code: "GW_SERVER_ROUTE",
    fix: () => ({ outside: "check this machine's network and routes" }),
  },
  {
    marks: ["ETIMEDOUT", "no connection within"],
    code: "GW_SERVER_SILENT",
    fix: () => ({ outside: "check the host and the firewalls on the way" }),
  },
  {
    marks: ["WRONG_VERSION"],
    code: "GW_TLS",
    fix: ({ at }) => ({ config: `it speaks no TLS: write http:// in ${at}.url` }),
  },
  {
    marks: ["CERT", "certificate", "SELF_SIGNED", "ALTNAME", "SSL", "ERR_TLS", "issuer"],
    code: "GW_TLS",
    fix: ({ at }) => ({ outside: "renew its certificate", config: `name its CA in ${at}.tls.ca` }),
  },
  {
    marks: ["no server's address", "is link-local", "metadata"],
    code: "GW_SERVER_ROUTE",
    fix: ({ at, cause }) => ({ config: addressFix(at, cause) }),
  },
];

/** Where the address itself is refused. `at`: the server's place in the config. */
export function addressFix(at: string, cause: string): string {
  const correct = `correct ${at}.url in the config`;
  if (!cause.includes("allow_link_local")) return correct;
  return `${correct}, or set ${at}.allow_link_local to true if this address is meant`;
}

const commonRows: readonly Row[] = [
  {
    marks: ["under another id"],
    code: "GW_UPSTREAM_ERROR",
    fix: ({ show }) => `tell whoever makes the server; how often: ${show}`,
  },
  {
    marks: ["it lists no"],
    code: "GW_SERVER_EMPTY",
    fix: ({ disable, enable }) =>
      `look at the server's own log; or take it as it is: ${disable}, then ${enable}`,
  },
  {
    marks: ["could not be listed"],
    code: "GW_SERVER_LIST",
    fix: () => ({ outside: "look at the server's own log" }),
  },
  {
    marks: ["did not answer", "not answered", "no answer", "does not answer"],
    code: "GW_SERVER_HUNG",
    fix: ({ show, restart }) => `look at its log (${show}), or restart it: ${restart}`,
  },
  {
    marks: ["initialize", "server/discover", "it does not speak", "initialized"],
    code: "GW_SERVER_PROTOCOL",
    fix: ({ at }) => ({
      config: `check that ${at} is an MCP server, and correct its \`protocol\``,
    }),
  },
];
