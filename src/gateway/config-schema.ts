/** Every key of the config: its form, default and meaning. docs/config.md is made of this file. */

import { limits } from "../base/limits.ts";
import { durationText, sizeText } from "../base/units.ts";
import {
  array,
  type Infer,
  type KeyInfo,
  object,
  record,
  union,
  unknown,
  value,
} from "./config-form.ts";
import { durationMs, isHostName, parseAddress, sizeBytes } from "./config-units.ts";

const text = (info: KeyInfo) =>
  value(info, (input) => (typeof input === "string" && input !== "" ? input : undefined));

/** YAML reads 8080 and true as no text; where text is meant they are taken as written. */
const scalar = (info: KeyInfo) =>
  value(info, (input) =>
    typeof input === "string" || typeof input === "number" || typeof input === "boolean"
      ? String(input)
      : undefined,
  );

const flag = (info: Omit<KeyInfo, "is">) =>
  value({ is: "true or false", ...info }, (input) => {
    if (input === "true") return true;
    if (input === "false") return false;
    return typeof input === "boolean" ? input : undefined;
  });

const oneOf = <const T extends string>(
  words: readonly T[],
  info: Omit<KeyInfo, "is">,
  laterWords: readonly string[] = [],
) => {
  const now = words.length === 1 ? words.join() : `one of ${words.join(", ")}`;
  const not = laterWords.length === 0 ? "" : ` (not in this version: ${laterWords.join(", ")})`;
  return value({ is: now + not, ...info }, (input) => words.find((word) => word === input));
};

const count = (least: number, most: number, info: Omit<KeyInfo, "is">) =>
  value({ is: `a whole number from ${least} to ${most}`, ...info }, (input) => {
    const number = typeof input === "string" && input !== "" ? Number(input) : input;
    if (typeof number !== "number" || !Number.isInteger(number)) return undefined;
    return number >= least && number <= most ? number : undefined;
  });

const size = (least: number, most: number, info: Omit<KeyInfo, "is">) =>
  value(
    { is: `a size like 4MiB, from ${sizeText(least)} to ${sizeText(most)}`, ...info },
    (input) => {
      const bytes = typeof input === "string" ? sizeBytes(input) : undefined;
      return bytes !== undefined && bytes >= least && bytes <= most ? bytes : undefined;
    },
  );

const duration = (info: Omit<KeyInfo, "is">) =>
  value({ is: "a duration like 500ms, 30s or 5m, from 1ms to 24d", ...info }, (input) => {
    const ms = typeof input === "string" ? durationMs(input) : undefined;
    // Timers take at most 2^31 - 1 ms.
    return ms !== undefined && ms > 0 && ms < 2 ** 31 ? ms : undefined;
  });

const later = (doc: string) =>
  value<undefined>(
    { is: "left out: it is not in this version", doc, later: true },
    () => undefined,
  );

const address = (info: KeyInfo) =>
  value(info, (input) =>
    typeof input === "string" || typeof input === "number"
      ? parseAddress(String(input))
      : undefined,
  );

const listen = value(
  {
    is: "an address like localhost:3100, 0.0.0.0:3100 or [::1]:3100, a port of localhost, or none",
    default: "localhost:3100",
    doc:
      "Where MCP is served, at `/mcp`. Wider than this machine needs `tls` or `behind_proxy`. " +
      "`none`: no port at all, only `authensor-gw stdio` reaches it.",
  },
  (input) => {
    if (input === "none") return input;
    const is = typeof input === "string" || typeof input === "number";
    return is ? parseAddress(String(input)) : undefined;
  },
);

const hostName = value(
  {
    is: "a host name without scheme and port, like mcp.example",
    doc: "Host names that are answered to beside the loopback ones.",
  },
  (input) => (typeof input === "string" && isHostName(input) ? input.toLowerCase() : undefined),
);

const timeout = union([
  object({
    idle: duration({
      default: "60s",
      doc: "How long a call may go without any sign of life from the server.",
    }),
    max: duration({ default: "10m", doc: "How long a call may take, whatever its progress." }),
  }),
  duration({ doc: "Short for `{ idle: … }`." }),
]);

const words = { is: "text", doc: "One of them." };

const argsSize = (info: Omit<KeyInfo, "is">) => size(1, 64 * 1024 ** 2, info);
const resultSize = (info: Omit<KeyInfo, "is">) => size(1024, 256 * 1024 ** 2, info);

export const serverSchema = object({
  command: union([
    array(scalar({ is: "text", doc: "The program, then its arguments." })),
    text({
      is: "a program, with its arguments in `args`, or a list",
      doc: "The program to start, never a shell; or a list of it and its arguments.",
    }),
  ]),
  args: array(
    scalar({ is: "text", doc: "Arguments of `command`, each handed over as it stands." }),
  ),
  cwd: text({ is: "a folder", doc: "Working directory of the program." }),
  env: record(
    scalar({
      is: "text",
      doc: "Environment of the program beside PATH, HOME, USER, LANG, LC_*, TZ and TMPDIR.",
    }),
  ),
  url: text({
    is: "an http:// or https:// address",
    doc: "Address of a server that speaks Streamable HTTP.",
  }),
  headers: record(
    scalar({ is: "text", doc: "Sent with each request to `url`. Secrets as `${cred:name}`." }),
  ),
  tls: object({
    ca: text({ is: "a PEM file", doc: "File with the private CA of `url`." }),
  }),
  allow_link_local: flag({
    default: "false",
    doc: "Lets `url` be a link-local address, where clouds keep their metadata service.",
  }),
  proxy: oneOf(["none"], { default: "none", doc: "Servers are reached directly." }, [
    "env",
    "a URL",
  ]),
  type: oneOf(
    ["stdio", "http", "streamable-http", "streamableHttp", "streamable_http", "local", "sse"],
    { doc: "As in client configs; must fit `command` or `url`. `sse` is HTTP+SSE of 2024-11-05." },
  ),
  transport: oneOf(
    ["stdio", "http", "streamable-http", "streamableHttp", "streamable_http", "sse"],
    { doc: "The same as `type`." },
  ),
  timeout,
  tools: record(
    object({
      timeout,
      idempotent: flag({
        default: "false",
        doc: "Running it twice does no harm: a call that may have run may be repeated at once.",
      }),
      max_args: argsSize({
        default: "as the server",
        doc: "The arguments of one call of this tool; larger ones are refused.",
      }),
    }),
  ),
  max_args: argsSize({
    default: "as limits.body",
    doc: "The arguments of one call of a tool or prompt, as JSON text; larger ones are refused.",
  }),
  max_result: resultSize({
    default: "limits.result",
    doc: "An answer of this server; a larger one is read no further.",
  }),
  max_in_flight: count(1, 10_000, {
    default: String(limits.inFlightPerServer),
    doc: "Calls at this server at one time.",
  }),
  max_queued: count(0, 10_000, {
    default: String(limits.queuedPerServer),
    doc:
      "Calls over `max_in_flight` that wait for their turn, one of each key in turn, within " +
      "their own timeout; further ones are refused. `0`: none waits.",
  }),
  breaker: union([
    object({
      failures: count(1, 1_000, {
        default: String(limits.breakerFailures),
        doc: "So many failures (broken off, no MCP, no answer in time) open it.",
      }),
      of: count(1, 1_000, {
        default: String(limits.breakerOf),
        doc: "Of so many of the last calls.",
      }),
      open: duration({
        default: durationText(limits.breakerOpenMs),
        doc: "How long calls are refused then, before the server is tried; doubled each time.",
      }),
    }),
    oneOf(["off"], { doc: "Calls are sent however many fail." }),
  ]),
  health: union([
    duration({
      default: durationText(limits.healthMs),
      doc: "How often it is asked whether it is there while nobody calls; 1 s to 5 s to answer.",
    }),
    oneOf(["off"], { doc: "It is not asked." }),
  ]),
  instance: oneOf(["shared", "per-key", "per-session"], {
    default: "shared",
    doc: "Whose calls share a process or session; `shared`: clients that can be asked the same.",
  }),
  freshness: duration({
    default: durationText(limits.freshnessMs),
    doc: "Its lists are read again after this long, also where it tells of no changes.",
  }),
  max_stale: duration({
    default: durationText(limits.maxStaleMs),
    doc: "Lists that could not be read again for this long are not shown any more.",
  }),
  protocol: oneOf(["auto", "legacy", "modern"], {
    default: "auto",
    doc: "`legacy` is MCP up to 2025-11-25, `modern` 2026-07-28; `auto` asks the server.",
  }),
  required: flag({ default: "false", doc: "`/ready` answers 503 while this server is down." }),
  disabled: flag({ default: "false", doc: "Leaves the server out." }),
  description: text({ is: "text", doc: "For people." }),
  oauth: later("OAuth towards the server."),
  autoApprove: unknown(),
  alwaysAllow: unknown(),
});

const servers = record(serverSchema);

export const configSchema = object({
  listen,
  tls: object({
    cert: text({ is: "a PEM file", doc: "File with the certificate chain of `listen`." }),
    key: text({ is: "a PEM file", doc: "File with its key, mode 0600." }),
  }),
  behind_proxy: flag({
    default: "false",
    doc: "Says that a proxy in front ends TLS, so that `listen` may be wider than loopback.",
  }),
  hosts: array(hostName),
  data_dir: text({
    is: "a folder",
    default: "$XDG_STATE_HOME/authensor-gw",
    doc:
      "Spool, embedded store, key snapshot; made with mode 0700. One gateway owns it at a time. " +
      "Where everybody may write in it, `check` and the log of the start warn.",
  }),
  database: union([
    object({
      url: text({ is: "postgres://… or sqlite", doc: "The same as the short form." }),
      pool: count(1, 100, { default: "10", doc: "Connections to Postgres." }),
      required_at_start: flag({
        default: "false",
        doc: "Refuses to start while Postgres does not answer.",
      }),
      admin_url: text({
        is: "postgres://…",
        doc: "Used to create and upgrade tables; `url` then needs fewer rights.",
      }),
    }),
    text({
      is: "postgres://… or sqlite",
      default: "sqlite",
      doc: "Where keys and receipts are kept. `sqlite` is a file in `data_dir`.",
    }),
  ]),
  auth: union([
    object({
      keys: flag({ default: "true", doc: "Agents authenticate with API keys of this gateway." }),
      oidc: later("Tokens of an identity provider."),
    }),
    oneOf(["none"], {
      doc: "No keys: loopback only, warned everywhere; every caller is `anonymous`.",
    }),
  ]),
  policy: union([
    array(text({ ...words, is: "a file" })),
    text({
      is: "a file or a list of files",
      doc: "Policy files. None: everything is denied with GW_NO_POLICY.",
    }),
  ]),
  seal_key: text({
    is: "at least 32 random bytes in base64 or hex, from `openssl rand -base64 32`",
    default: "seal.key in data_dir",
    doc:
      "Seals session ids, cursors and the like; write it as `${cred:seal}`. Gateways that share " +
      "it and a Postgres take up each other's sessions.",
  }),
  protocol: oneOf(["auto", "legacy", "modern"], {
    default: "auto",
    doc: "What agents may speak: `legacy` is MCP up to 2025-11-25, `modern` 2026-07-28.",
  }),
  naming: oneOf(["prefix", "auto", "bare"], {
    default: "prefix",
    doc: "What agents see: `server__tool`, `tool` where it is unambiguous, or always `tool`.",
  }),
  start_wait: duration({
    default: durationText(limits.startWaitMs),
    doc: "The first lists after a start wait this long for servers whose lists are not known yet.",
  }),
  audit: object({
    mode: oneOf(["strict", "fast"], {
      default: "strict",
      doc:
        "`strict`: a receipt is on disk before the call goes on; `fast`: some 25 ms later, and " +
        "a call that is over by then is one record.",
    }),
    content: oneOf(
      ["metadata"],
      { default: "metadata", doc: "What receipts hold: digests and sizes." },
      ["args"],
    ),
    spool: object({
      max: size(limits.spoolSegmentBytes * 2, 1024 ** 5, {
        default: sizeText(limits.spoolBytes),
        doc:
          "Receipts that wait for the database; when full, calls are refused. Two segments of it " +
          "are kept for outcomes: `status` shows what is left, 9.9 GiB of 10.",
      }),
    }),
  }),
  admin: object({
    socket: text({
      is: "a path",
      default: "<runtime dir>/authensor-gw/<8 hex>.sock",
      doc: "Socket of the admin API, mode 0660.",
    }),
    group: text({ is: "a group's name", doc: "Group that may open the socket." }),
    listen: address({
      is: "a loopback address like localhost:3101, or a port of localhost",
      doc: "Port of the admin API beside the socket; there reading needs a viewer's key.",
    }),
  }),
  reload: object({
    watch: flag({
      default: "false",
      doc: "Loads config and policy anew when one of their files changed, without being told to.",
    }),
  }),
  log: object({
    level: oneOf(["debug", "info", "warn", "error"], {
      default: "info",
      doc: "Least level that is written.",
    }),
    access: flag({ default: "false", doc: "One line for each request." }),
    format: oneOf(["auto", "json", "text"], {
      default: "auto",
      doc: "JSON, or text for people; auto: text where stderr is a terminal.",
    }),
  }),
  limits: object({
    body: size(1024, 64 * 1024 ** 2, { default: sizeText(limits.bodyBytes), doc: "A request." }),
    result: resultSize({
      default: sizeText(limits.resultBytes),
      doc: "An answer of a server.",
    }),
    json_depth: count(4, 512, {
      default: String(limits.jsonDepth),
      doc: "Nesting of a request.",
    }),
    json_values: count(100, 1_000_000, {
      default: String(limits.jsonValues),
      doc: "Values in a request.",
    }),
    calls_per_key: count(1, 100_000, {
      default: String(limits.callsPerKey),
      doc: "Calls of one key at one time, at all servers together; further ones are refused.",
    }),
  }),
  servers,
  mcpServers: servers,
  oidc: later("Tokens of an identity provider."),
  holds: later("Approvals by people."),
  rate: later("Limits per key."),
  network: later("Addresses that servers may lead to."),
  metrics: later("Metrics."),
  telemetry: later("Traces."),
});

export type RawConfig = Infer<typeof configSchema>;
export type RawServer = Infer<typeof serverSchema>;
