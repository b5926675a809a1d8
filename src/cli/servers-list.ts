/** `authensor-gw servers list`. */

import type { LiveServer } from "../admin/contract.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { liveSnapshot } from "./live-snapshot.ts";
import { table } from "./print.ts";
import { needReach } from "./reach.ts";
import { handoverCell } from "./servers-handover.ts";
import { isInTrouble } from "./servers-show.ts";
import { span } from "./words.ts";

/** Trouble first. */
export async function run(call: Invocation): Promise<number> {
  const { servers, now } = await liveSnapshot(call, await needReach(call));
  const sorted = [...servers].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  if (call.options.has("json")) {
    for (const server of sorted) call.io.out(JSON.stringify(server));
  } else if (sorted.length === 0) {
    call.io.out("No servers: add some under `servers` in the config.");
  } else {
    const head = ["SERVER", "BY", "STATE", "FOR", "PROTOCOL", "TOOLS", "BUSY", "P95", "TROUBLE"];
    call.io.out(table([head, ...sorted.map((server) => row(server, now))]));
  }
  return 0;
}

function rank(server: LiveServer): number {
  if (isInTrouble(server)) return 0;
  return server.state === "disabled" ? 2 : 1;
}

function row(server: LiveServer, nowMs: number): string[] {
  const { tools, quarantined } = server;
  return [
    server.id,
    server.transport,
    server.state,
    server.sinceMs === 0 ? "-" : span(nowMs - (server.failingSinceMs ?? server.sinceMs)),
    server.protocol ?? "-",
    quarantined === 0 ? String(tools) : `${tools}+${quarantined} held back`,
    `${server.busy}/${server.maxInFlight}${server.queued === 0 ? "" : `+${server.queued}`}`,
    server.p95Ms === null ? "-" : `${server.p95Ms} ms`,
    troubleText(server, nowMs),
  ];
}

function troubleText({ state, trouble, nextAttemptMs, handover }: LiveServer, nowMs: number) {
  const again =
    nextAttemptMs === null ? "" : `, again in ${span(Math.max(0, nextAttemptMs - nowMs))}`;
  const own = trouble === null ? "" : `${printable(trouble.cause)}${again}`;
  if (handover === undefined) return own;
  // The trouble of one that is ready is what the handover says.
  const next = handoverCell(handover, nowMs);
  return state === "ready" || own === "" ? next : `${own}; ${next}`;
}
