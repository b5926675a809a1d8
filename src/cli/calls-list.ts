/** `authensor-gw calls list`: calls in flight, and with --all the last ended ones. */

import type { LiveCall } from "../admin/contract.ts";
import { callFields, liveCallRecord } from "../base/call-fields.ts";
import { matches } from "../base/filter.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { filterOption } from "./filter-option.ts";
import { liveSnapshot } from "./live-snapshot.ts";
import { table } from "./print.ts";
import { needReach } from "./reach.ts";
import { span } from "./words.ts";

export async function run(call: Invocation): Promise<number> {
  const filter = filterOption(call, callFields);
  const { calls, now } = await liveSnapshot(call, await needReach(call));
  const all = call.options.has("all");
  const found = calls
    .filter((one) => all || one.stage !== "over")
    .filter((one) => filter === undefined || matches(filter, liveCallRecord(one, now)))
    .sort((a, b) => due(a) - due(b) || a.startedMs - b.startedMs);
  if (call.options.has("json")) {
    for (const one of found) call.io.out(JSON.stringify(one));
  } else if (found.length === 0) {
    call.io.out(all ? "No calls." : "No calls in flight.");
  } else {
    const head = ["CALL", "TOOL", "KEY", "STAGE", "SO FAR", "ENDS", "RECEIPT", ""];
    call.io.out(table([head, ...found.map((one) => row(one, now))]));
  }
  return 0;
}

/** Soonest deadline first; what is over comes last. */
function due({ deadline, stage }: LiveCall): number {
  return deadline?.atMs ?? (stage === "over" ? Number.MAX_VALUE : Number.MAX_SAFE_INTEGER);
}

function row(one: LiveCall, nowMs: number): string[] {
  const { deadline, outcome } = one;
  const why = [one.code, one.why].filter((text) => text !== null).join(": ");
  return [
    one.id,
    printable(one.tool),
    printable(one.key),
    outcome ?? one.stage,
    one.tookMs === null ? span(nowMs - one.startedMs) : `${one.tookMs} ms`,
    deadline === null ? "-" : `in ${span(deadline.atMs - nowMs)} (${deadline.setting})`,
    one.receipt ?? "-",
    printable(why),
  ];
}
