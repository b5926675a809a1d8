/** `authensor-gw receipts tail`: receipts as their calls end, from the live view. */

import type { AdminClient } from "../admin/client.ts";
import type { LiveCall, LiveEvent } from "../admin/contract.ts";
import { callFields, liveCallRecord } from "../base/call-fields.ts";
import { type Filter, matches } from "../base/filter.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { fromGateway } from "./context.ts";
import { countOption } from "./count-option.ts";
import { filterOption } from "./filter-option.ts";
import { needReach } from "./reach.ts";
import { readerGone } from "./reader-gone.ts";

/** Ends when its reader goes away or a signal comes, and with an error that waiting cannot mend. */
export async function run(call: Invocation): Promise<number> {
  const filter = filterOption(call, callFields);
  const lines = countOption(call, "lines", 10, limits.boardCalls);
  const config = await needReach(call);
  const client = await fromGateway(call, config, async (one) => one);
  const show = createShow(call, filter, lines);
  const over = readerGone();
  let away = false;
  for (let after: number | undefined; ; ) {
    const ended = await follow(client, show, after, over);
    if (ended === undefined) return 0;
    const { code, why } = ended.error;
    if (code !== "GW_NOT_RUNNING") throw ended.error;
    // Said once: it is tried again and again.
    if (!away || ended.last !== after) call.io.err(`The gateway is away (${why}); waiting for it.`);
    away = true;
    after = ended.last;
    await pause(limits.tailRetryMs);
  }
}

type Show = (calls: readonly LiveCall[], nowMs: number) => void;

/** undefined: whoever reads is gone. `last`: the seq to go on from. */
async function follow(
  client: AdminClient,
  show: Show,
  after: number | undefined,
  over: Promise<void>,
) {
  let last = after;
  const onEvent = (event: LiveEvent) => {
    const rows = event.kind === "snapshot" ? event.snapshot : event.batch;
    last = rows.seq;
    show(rows.calls ?? [], rows.now);
  };
  const watch = client.watch(onEvent, after);
  const error = await Promise.race([watch.ended, over]);
  watch.close();
  return error === undefined ? undefined : { error, last };
}

/** Each receipt once; the first time only the last `lines` of what is there. */
export function createShow(call: Invocation, filter: Filter | undefined, lines: number): Show {
  const shown = new Set<string>();
  let begun = false;
  const json = call.options.has("json");
  return (calls, nowMs) => {
    const ended = calls.filter((one) => isNew(one, shown));
    for (const { receipt } of ended) shown.add(receipt ?? "");
    forget(shown);
    const wanted = ended.filter(
      (one) => filter === undefined || matches(filter, liveCallRecord(one, nowMs)),
    );
    for (const one of begun ? wanted : last(wanted, lines)) {
      call.io.out(json ? JSON.stringify(rowOf(one)) : lineOf(one));
    }
    begun = true;
  };
}

function isNew({ receipt, outcome }: LiveCall, shown: ReadonlySet<string>): boolean {
  return receipt !== null && receipt !== "" && outcome !== null && !shown.has(receipt);
}

/** A snapshot holds `boardCalls` ended calls: what is older does not come again. */
function forget(shown: Set<string>): void {
  for (const receipt of shown) {
    if (shown.size <= 4 * limits.boardCalls) return;
    shown.delete(receipt);
  }
}

function last<T>(list: readonly T[], count: number): readonly T[] {
  return count === 0 ? [] : list.slice(-count);
}

/** The shape of `receipts list --json`. */
function rowOf(call: LiveCall) {
  const receipt = call.receipt ?? "";
  return {
    id: receipt,
    seq: Number(receipt.slice(receipt.lastIndexOf("-") + 1)),
    time: new Date(call.startedMs).toISOString(),
    key: call.key,
    server: call.server,
    tool: call.tool,
    effect: call.decision?.effect ?? null,
    rule: call.decision?.rule ?? null,
    outcome: call.outcome,
    code: call.code,
    args_bytes: call.argsBytes,
    result_bytes: call.resultBytes,
    // What the receipt says of a refused one, as it is written before the answer.
    took_ms: isDenied(call) ? call.timings.decide : call.tookMs,
  };
}

function isDenied({ decision }: LiveCall): boolean {
  return decision !== null && decision.effect !== "allow";
}

function lineOf(call: LiveCall): string {
  const { time, id, key, tool, outcome, rule, took_ms: took } = rowOf(call);
  const columns = [
    time,
    id.padEnd(18),
    printable(key).padEnd(12),
    printable(tool).padEnd(28),
    (outcome ?? "").padEnd(14),
    (took === null ? "-" : `${took.toFixed(1)} ms`).padStart(10),
    [rule ?? "", call.code ?? "", call.why ?? ""].filter(Boolean).map(printable).join("  "),
  ];
  return columns.join("  ").trimEnd();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
