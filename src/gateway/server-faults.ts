/** From the words of a server's cause to a code and what to do: the first row that fits. */

import type { ErrorCode } from "../base/errors.ts";
import type { UpstreamState } from "../upstream/upstream.ts";
import type { ServerConfig } from "./config-model.ts";

export interface ServerFault {
  readonly code: ErrorCode;
  /** A command where there is one. */
  readonly fix: string;
}

export function faultOf(server: ServerConfig, cause: string, state: UpstreamState): ServerFault {
  const { id } = server;
  const words: Words = {
    at: `servers.${id}`,
    retry: `authensor-gw servers retry ${id}`,
    show: `authensor-gw servers show ${id}`,
    restart: `authensor-gw servers restart ${id}`,
  };
  const rows = [...(server.transport.kind === "stdio" ? stdioRows : httpRows), ...commonRows];
  const row = rows.find(({ marks }) => marks.some((mark) => cause.includes(mark)));
  if (row !== undefined) return { code: row.code, fix: row.fix(words) };
  const isDown = state !== "degraded" && state !== "ready";
  return { code: isDown ? "GW_UPSTREAM_DOWN" : "GW_UPSTREAM_ERROR", fix: words.retry };
}

interface Words {
  readonly at: string;
  readonly retry: string;
  readonly show: string;
  readonly restart: string;
}

interface Row {
  readonly marks: readonly string[];
  readonly code: ErrorCode;
  fix(words: Words): string;
}

const stdioRows: readonly Row[] = [
  {
    marks: ["could not be started: EACCES", "Permission denied"],
    code: "GW_SERVER_COMMAND",
    fix: ({ at, retry }) => `make the program of ${at}.command executable; then ${retry}`,
  },
  {
    marks: ["could not be started"],
    code: "GW_SERVER_COMMAND",
    fix: ({ at, retry }) => `install the program, or correct ${at}.command; then ${retry}`,
  },
  {
    marks: ["it exited", "it was ended", "within a minute"],
    code: "GW_SERVER_EXITS",
    fix: ({ show, retry }) => `read its last words: ${show}; then ${retry}`,
  },
];

const httpRows: readonly Row[] = [
  {
    marks: ["HTTP 401", "HTTP 403"],
    code: "GW_SERVER_AUTH",
    fix: ({ at }) => `correct ${at}.headers in the config, then restart the gateway`,
  },
  {
    marks: ["redirects"],
    code: "GW_SERVER_HTTP",
    fix: ({ at }) => `correct ${at}.url in the config, then restart the gateway`,
  },
  {
    marks: ["HTTP 404", "HTTP 405", "neither JSON nor", "HTTP 400", "HTTP 200"],
    code: "GW_SERVER_HTTP",
    fix: ({ at }) => `correct the path in ${at}.url, then restart the gateway`,
  },
  {
    marks: ["HTTP 5"],
    code: "GW_SERVER_HTTP",
    fix: ({ retry }) => `look at the server's own log; then ${retry}`,
  },
  {
    marks: ["ECONNREFUSED"],
    code: "GW_SERVER_REFUSED",
    fix: ({ at, retry }) => `start the server, or correct the port in ${at}.url; then ${retry}`,
  },
  {
    marks: ["ENOTFOUND", "EAI_AGAIN", "getaddrinfo", "has no address"],
    code: "GW_SERVER_NAME",
    fix: ({ at, retry }) => `correct the host in ${at}.url, or this machine's DNS; then ${retry}`,
  },
  {
    marks: ["EHOSTUNREACH", "ENETUNREACH"],
    code: "GW_SERVER_ROUTE",
    fix: ({ retry }) => `check this machine's network and routes; then ${retry}`,
  },
  {
    marks: ["ETIMEDOUT", "no connection within"],
    code: "GW_SERVER_SILENT",
    fix: ({ retry }) => `check the host and the firewalls on the way; then ${retry}`,
  },
  {
    marks: ["WRONG_VERSION"],
    code: "GW_TLS",
    fix: ({ at }) => `it speaks no TLS: write http:// in ${at}.url, then restart the gateway`,
  },
  {
    marks: ["CERT", "certificate", "SELF_SIGNED", "ALTNAME", "SSL", "ERR_TLS", "issuer"],
    code: "GW_TLS",
    fix: ({ at, retry }) => `renew its certificate, or name the CA in ${at}.tls.ca; then ${retry}`,
  },
  {
    marks: ["no server's address", "is link-local", "metadata"],
    code: "GW_SERVER_ROUTE",
    fix: ({ at }) => `correct ${at}.url in the config, then restart the gateway`,
  },
];

const commonRows: readonly Row[] = [
  {
    marks: ["could not be listed"],
    code: "GW_SERVER_LIST",
    fix: ({ retry }) => `look at the server's own log; then ${retry}`,
  },
  {
    marks: ["did not answer", "not answered", "no answer", "does not answer"],
    code: "GW_SERVER_HUNG",
    fix: ({ show, restart }) => `look at its log (${show}), or restart it: ${restart}`,
  },
  {
    marks: ["initialize", "server/discover", "it does not speak", "initialized"],
    code: "GW_SERVER_PROTOCOL",
    fix: ({ at }) => `check that ${at} is an MCP server, and its \`protocol\` in the config`,
  },
];
