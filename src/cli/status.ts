/** `authensor-gw status`: what the running gateway does. */

import { type GatewayStatus, paths } from "../admin/contract.ts";
import { printable } from "../base/printable.ts";
import { roundSize } from "../base/round-size.ts";
import type { Invocation } from "./command.ts";
import { commandsHere } from "./command-line.ts";
import { fromGateway } from "./context.ts";
import { table } from "./print.ts";
import { needReach } from "./reach.ts";
import { handoverCell } from "./servers-handover.ts";
import { counted, span } from "./words.ts";

/** Exit 0 well, 1 when something it depends on is down, 69 when no gateway answers. */
export async function run(call: Invocation): Promise<number> {
  const config = await needReach(call);
  const status = await fromGateway(call, config, (client) =>
    client.get<GatewayStatus>(paths.status),
  );
  const asText = () => commandsHere(statusText(status, Date.now()), call);
  call.io.out(call.options.has("json") ? JSON.stringify(status) : asText());
  return isWell(status) ? 0 : 1;
}

function isWell(status: GatewayStatus): boolean {
  const { access, audit, servers } = status;
  const down = servers.some(
    (server) => !["ready", "idle", "disabled", "stopped"].includes(server.state),
  );
  return !down && audit.broken === undefined && audit.store.ok && access.error === undefined;
}

export function statusText(status: GatewayStatus, nowMs: number): string {
  const { access, audit, policy } = status;
  const lines = [
    `gateway   ${status.version}, pid ${status.pid}, up ${span(nowMs - status.startedMs)}, ` +
      roundSize(status.rssBytes),
    `listen    ${status.listen.join(", ")}`,
    `config    ${printable(status.config)}`,
    `data_dir  ${printable(status.dataDir)}`,
    `policy    ${policy.files.length === 0 ? "none: everything is denied" : policyText(status)}`,
    `keys      ${access.keys} from ${access.source}${after(access.error)}`,
    `receipts  ${audit.mode}, next seq ${audit.nextSeq}, ${audit.spoolRecords} waiting` +
      ` (${span(audit.lagMs)} old)${after(audit.broken)}`,
    `store     ${storeText(audit.store)}`,
    `seal key  ${status.sealKey.fingerprint}, from ${sealFrom[status.sealKey.from]}`,
    ...reloadLines(status),
    ...status.warnings.map((warning) => `warning   ${printable(warning)}`),
    `now       ${counted(status.inFlight, "call")} in flight, ` +
      `${counted(status.sessions, "session")}, ${counted(status.streams, "stream")}`,
  ];
  return [...lines, "", serverTable(status, nowMs), "", gaugeTable(status)].join("\n");
}

/** Only where something is to be said of it. */
function reloadLines({ reload: { fault, restart } }: GatewayStatus): readonly string[] {
  return [
    ...(fault === null ? [] : [`reload    refused: ${printable(fault)}`]),
    ...(restart.length === 0 ? [] : [`restart   needed for ${restart.join(", ")}`]),
  ];
}

const sealFrom = { config: "`seal_key`", data_dir: "data_dir" } as const;

/** What can run out. */
function gaugeTable({ gauges: { gauges, store } }: GatewayStatus): string {
  const rows = gauges.map(({ name, used, limit, unit, ok, at_limit }) => [
    name,
    amount(used, unit),
    limit === null ? "-" : amount(limit, unit),
    ok ? "ok" : "LOW",
    printable(at_limit),
  ]);
  const { pool } = store;
  const heading = ["USE OF", "USED", "LIMIT", "STATE", "AT THE LIMIT"];
  if (pool === null) return table([heading, ...rows]);
  const { busy, idle, waiting, max, waitP95Ms, queryP95Ms } = pool;
  const times = `waiting ${waitP95Ms ?? 0} ms, query ${queryP95Ms ?? 0} ms (p95)`;
  const note = `database: ${busy} busy, ${idle} idle, ${waiting} waiting, of ${max}; ${times}`;
  return `${table([heading, ...rows])}\n${note}`;
}

function amount(value: number, unit: "bytes" | "ms" | "count"): string {
  if (unit === "bytes") return roundSize(value);
  return unit === "ms" ? `${value} ms` : String(value);
}

function storeText({ kind, ok, error }: GatewayStatus["audit"]["store"]): string {
  return `${kind} ${ok ? "ok" : "takes no receipts"}${after(error)}`;
}

function policyText({ policy }: GatewayStatus): string {
  const files = policy.files.map(printable).join(", ");
  return `${counted(policy.rules, "rule")}, ${policy.hash.slice(0, 12)}, ${files}`;
}

function serverTable(status: GatewayStatus, nowMs: number): string {
  if (status.servers.length === 0) return "No servers: add some under `servers` in the config.";
  const rows = status.servers.map((server) => {
    const next =
      server.nextAttemptMs === undefined
        ? ""
        : `, again in ${span(Math.max(0, server.nextAttemptMs - nowMs))}`;
    return [
      server.id,
      server.state,
      span(nowMs - (server.failingSinceMs ?? server.sinceMs)),
      server.transport,
      server.protocol ?? "-",
      String(server.tools),
      String(server.inFlight),
      troubleText(server, next, nowMs),
    ];
  });
  const head = ["SERVER", "STATE", "FOR", "BY", "PROTOCOL", "TOOLS", "BUSY", "TROUBLE"];
  return [table([head, ...rows]), ...staleLines(status, nowMs)].join("\n");
}

function troubleText(
  { cause = "", handover }: GatewayStatus["servers"][number],
  next: string,
  nowMs: number,
): string {
  const own = `${printable(cause)}${next}`;
  if (handover === undefined) return own;
  return [own, handoverCell(handover, nowMs)].filter(Boolean).join("; ");
}

/** Agents see what these servers listed some time ago. */
function staleLines({ servers }: GatewayStatus, nowMs: number): readonly string[] {
  return servers.flatMap(({ id, list }) => {
    if (list === null || list.stale === null) return [];
    const age = span(nowMs - list.readMs);
    return `stale: the lists of ${id} are ${age} old: ${printable(list.stale)}`;
  });
}

function after(text: string | undefined): string {
  return text === undefined ? "" : `: ${printable(text)}`;
}
