/**
 * The rows of the error catalogue, by the part that raises them.
 * rpc: -31001 a denial, -31003 a limit, else the code the MCP spec gives the fault.
 */

import type { ErrorSpec } from "./errors.ts";

function row(http: number, rpc: number, exit: number, meaning: string, fix: string): ErrorSpec {
  return { http, rpc, exit, meaning, fix };
}

export const catalogue = {
  // Keys and the front door
  GW_KEY_MISSING: row(401, -31001, 1, "The request carries no API key", "send `Authorization: Bearer <token>`; make a key with `authensor-gw keys create --role executor --name NAME`"),
  GW_KEY_UNKNOWN: row(401, -31001, 1, "No key has this token", "make a new key with `authensor-gw keys create --role executor --name NAME`"),
  GW_KEY_EXPIRED: row(401, -31001, 1, "The key's time is over", "rotate it with `authensor-gw keys rotate NAME`"),
  GW_KEY_REVOKED: row(401, -31001, 1, "The key was revoked", "make a new key with `authensor-gw keys create --role executor --name NAME`"),
  GW_KEYS_UNAVAILABLE: row(503, -31001, 69, "No key store could be read yet, so nobody can be let in", "check the database: `authensor-gw status`, `curl http://localhost:3100/ready`"),
  GW_ROLE: row(403, -31001, 1, "The key's roles do not cover this", "use a key with the role that is named"),
  GW_NO_OAUTH: row(404, -32600, 1, "This gateway takes API keys, not OAuth", "send `Authorization: Bearer <token>` with a key of this gateway"),
  GW_HOST: row(403, -32600, 1, "The Host header is not one this gateway answers to", "use http://localhost:<port>, or add the name to `hosts` in the config"),
  GW_ORIGIN: row(403, -32600, 1, "The Origin header is not one this gateway answers to", "add its host to `hosts` in the config if this web page may call the gateway"),
  GW_CONTENT_TYPE: row(415, -32600, 1, "The request is not plain application/json", "send `Content-Type: application/json` without Content-Encoding"),
  GW_BODY_TOO_LARGE: row(413, -31003, 1, "The request is larger than `limits.body`", "send less, or raise `limits.body` in the config"),
  GW_BODY_SLOW: row(408, -31003, 1, "The request's body did not arrive in time", "send the whole body at once; 30 seconds are given for it"),
  GW_HEADER: row(400, -32600, 1, "A header that must be single and well formed is not", "send the header once, in the form the message names"),
  GW_HEADER_MISMATCH: row(400, -32020, 1, "A mirrored header does not say what the body says", "make Mcp-Method, Mcp-Name, Mcp-Param-* and MCP-Protocol-Version equal to the body"),
  GW_VERSION: row(400, -32022, 1, "The protocol version is not one this gateway speaks", "use a version from `data.supported`"),
  GW_ENVELOPE: row(400, -32602, 1, "A 2026-07-28 request lacks a required _meta field", "send io.modelcontextprotocol/protocolVersion and /clientCapabilities in params._meta"),
  GW_SESSION_UNKNOWN: row(404, -32600, 1, "The session does not exist for this key", "initialize again"),
  GW_SESSION_MISSING: row(400, -32600, 1, "A legacy request carries no Mcp-Session-Id", "initialize first and send the Mcp-Session-Id of its answer"),
  GW_SESSIONS_FULL: row(503, -31003, 1, "The key has as many sessions or streams open as it may have", "close sessions that are not used (DELETE /mcp)"),
  GW_CLIENT_SLOW: row(503, -31003, 1, "The key has more bytes of answers waiting to be read than it may have", "read the answers before asking for more, or ask for less"),
  GW_ACCEPT: row(406, -32600, 1, "The Accept header allows neither JSON nor an event stream", "send `Accept: application/json, text/event-stream`"),
  GW_NOT_FOUND: row(404, -32600, 1, "There is nothing at this path", "MCP is at /mcp; see also /health, /ready"),
  GW_METHOD_NOT_ALLOWED: row(405, -32600, 1, "The path does not take this HTTP method", "use the method that the Allow header names"),
  GW_DRAINING: row(503, -31003, 69, "The gateway is stopping and takes no new requests", "repeat it in a moment"),
  // Messages
  GW_JSON: row(400, -32700, 1, "The body is not JSON, or not unambiguous JSON", "send one JSON-RPC object: UTF-8, no duplicate keys, no __proto__, no lone surrogates"),
  GW_JSON_LIMIT: row(400, -31003, 1, "The body nests deeper or holds more values than the limits allow", "send less, or raise `limits.json_depth` or `limits.json_values`"),
  GW_MESSAGE: row(400, -32600, 1, "The body is not a JSON-RPC message this gateway takes", "send one request or notification, exact key names, a string or integer id"),
  GW_METHOD: row(404, -32601, 1, "The method is not offered", "this version offers initialize, server/discover, ping, tools/list, tools/call and subscriptions/listen"),
  GW_PARAMS: row(200, -32602, 1, "The params do not fit the method", "see the message for the member that does not fit"),
  GW_ID_IN_FLIGHT: row(400, -32600, 1, "A request with this id is still running in this session", "use a new id for each request"),
  // Decisions
  GW_DENIED: row(200, -31001, 1, "A rule of the policy denies the call", "ask the owner of the policy; `authensor-gw policy explain` shows the rule"),
  GW_NO_RULE: row(200, -31001, 1, "No rule of the policy allows the call", "add a rule that allows it, or use another tool; `authensor-gw policy explain` shows why"),
  GW_NO_POLICY: row(200, -31001, 1, "The config names no policy, so everything is denied", "add `policy: FILE` to the config; `authensor-gw init` writes one to start from"),
  GW_ASK: row(200, -31001, 1, "The policy wants a person's approval, and this version cannot ask for it yet", "ask the owner of the policy to allow it"),
  GW_TOOL_UNKNOWN: row(200, -32602, 1, "No server offers this tool to this key", "list the tools again; `authensor-gw tools list` shows what each key sees"),
  // Forwarding
  GW_UPSTREAM_DOWN: row(200, -32603, 69, "The server behind the gateway is not reachable", "`authensor-gw status` says why and when it is tried again"),
  GW_UPSTREAM_ERROR: row(200, -32603, 1, "The server behind the gateway answered with something that is not MCP", "check the server's own log"),
  GW_UPSTREAM_LOST: row(200, -32603, 1, "The server went away after it got the call; the call may have run", "check whether it ran before you repeat it"),
  GW_UPSTREAM_BUSY: row(200, -31003, 1, "The server has as many calls in flight as it may have", "repeat later, or raise `max_in_flight` of the server"),
  GW_TIMEOUT_IDLE: row(200, -31003, 1, "The server was silent for longer than `timeout.idle`", "raise `timeout.idle` of the server or tool, or make the tool report progress"),
  GW_TIMEOUT_MAX: row(200, -31003, 1, "The call took longer than `timeout.max`", "raise `timeout.max` of the server or tool"),
  GW_RESULT_TOO_LARGE: row(200, -31003, 1, "The result is larger than `limits.result`", "ask for less, or raise `limits.result` in the config"),
  GW_CANCELLED: row(200, -32603, 1, "The client cancelled the call", "nothing: the client asked for it"),
  GW_NOT_BRIDGED: row(200, -32603, 1, "The server asked for something that this version does not carry to the client", "use a server that answers without asking back, or a later version"),
  // Audit
  GW_AUDIT_UNAVAILABLE: row(503, -31001, 69, "The receipt cannot be written, so the call was not made", "free disk space in data_dir, then restart the gateway; `authensor-gw status` shows the spool"),
  GW_OUTCOME_LOST: row(200, -32603, 69, "The call went to the server, but its outcome could not be recorded", "the call may have run: check before you repeat it; free disk space in data_dir"),
  GW_AUDIT_FULL: row(503, -31003, 69, "The spool has reached `audit.spool.max`, so calls are refused", "bring the database back, or raise `audit.spool.max`"),
  GW_AUDIT_FORK: row(503, -31001, 69, "The store holds another record at this place of the chain; shipping has stopped", "find out who else writes with this data_dir; `authensor-gw receipts verify` names the record"),
  GW_SPOOL_DAMAGED: row(503, -31001, 1, "A record in the middle of the spool does not check", "keep data_dir as evidence; `authensor-gw receipts verify` names the record"),
  GW_INTERRUPTED: row(503, -32603, 1, "The gateway ended while the call ran; the call may have run", "check whether it ran before you repeat it"),
  GW_RECEIPT_UNKNOWN: row(404, -32602, 1, "No receipt has this id", "`authensor-gw receipts list` shows the ids"),
  GW_TAMPERED: row(409, -31001, 1, "The receipts do not verify", "the message names the first bad record; compare with a copy or an export"),
  // Store and data_dir
  GW_DATABASE: row(503, -31001, 69, "The database cannot be reached or refuses the gateway", "check `database` in the config and that the server runs; receipts wait in the spool meanwhile"),
  GW_STORE_CHANGED: row(503, -31001, 78, "The config names another store than this data_dir was used with", "name the old store, or start once with --accept-store-change"),
  GW_OWNED: row(503, -31001, 69, "Another gateway owns this data_dir", "use that gateway, stop it, or give this one its own data_dir"),
  GW_DATA_DIR: row(503, -31001, 78, "data_dir cannot be made or written", "make it and give it to the gateway's user, or set `data_dir` in the config"),
  // Start and config
  GW_CONFIG: row(500, -32603, 78, "The config does not say something it must, or says something wrong", "correct the line that is named; docs/config.md lists every key"),
  GW_CONFIG_MISSING: row(500, -32603, 78, "No config file was found", "`authensor-gw init` writes one; `authensor-gw demo` needs none"),
  GW_VARIABLE: row(500, -32603, 78, "The config names a variable, file or credential that is not there", "set it, or give a default: ${NAME:-value}"),
  GW_POLICY: row(500, -32603, 78, "A policy file does not load", "correct the line that is named; `authensor-gw policy check FILE` checks it alone"),
  GW_PORT_TAKEN: row(500, -32603, 69, "Another program listens on this address", "stop it, or set `listen` to another port"),
  GW_LISTEN: row(500, -32603, 78, "The address cannot be listened on", "set `listen` to an address of this machine; wider than loopback needs tls or behind_proxy: true"),
  GW_SECRET_MODE: row(500, -32603, 78, "A file with a secret can be read by others", "chmod 600 the file"),
  GW_SNAPSHOT: row(503, -31001, 69, "The key snapshot in data_dir does not check", "bring the database back: the snapshot is then made anew"),
  // Command line
  GW_USAGE: row(400, -32602, 3, "The command line does not fit", "see `authensor-gw help`"),
  GW_NOT_RUNNING: row(503, -32603, 69, "No gateway answers for this config", "start it with `authensor-gw serve`"),
  GW_SOCKET: row(503, -32603, 69, "This user may not open the gateway's admin socket", "join the socket's group, or run the command as the gateway's user"),
  GW_NAME: row(400, -32602, 3, "The name does not exist", "see the matching list command"),
  GW_INTERNAL: row(500, -32603, 70, "Something failed inside the gateway that should not", "please report it with the log line of this time"),
} as const satisfies Record<string, ErrorSpec>;
