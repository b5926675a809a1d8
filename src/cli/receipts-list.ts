/** `authensor-gw receipts list`: newest first; exit 2 while the store does not answer. */

import type { AdminClient } from "../admin/client.ts";
import { paths } from "../admin/contract.ts";
import { callFields, receiptFields } from "../base/call-fields.ts";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { nearest } from "../base/nearest.ts";
import { printable } from "../base/printable.ts";
import { outcomes } from "../receipt/decode.ts";
import type { ReceiptRow } from "../store/store.ts";
import type { Invocation } from "./command.ts";
import { fromGatewayOr } from "./context.ts";
import { filterOption } from "./filter-option.ts";
import { table } from "./print.ts";
import { needReach } from "./reach.ts";
import { type Page, searchReceipts } from "./receipts-search.ts";
import { needTarget } from "./target.ts";
import { orFromSpool } from "./without-store.ts";

const alsoLive = { fields: callFields, where: "`calls list` and `receipts tail`" };

const filters = ["key", "tool", "outcome"] as const;

export async function run(call: Invocation): Promise<number> {
  const limit = limitOption(call);
  const beforeMs = beforeOption(call);
  checkWords(call);
  const filter = filterOption(call, receiptFields, alsoLive);
  const wanted = Object.fromEntries(filters.map((name) => [name, call.options.text(name)]));
  const config = await needReach(call);
  const gather = async (page: Page) =>
    filter === undefined
      ? { rows: await page(beforeMs, limit), whole: true }
      : await searchReceipts(page, filter, limit, beforeMs);
  const offline = async (places?: "spool") => {
    const { listReceiptsOffline } = await import("../gateway/offline-receipts.ts");
    return await gather((before, count) =>
      listReceiptsOffline(config, { ...wanted, beforeMs: before, limit: count }, places),
    );
  };
  const live = (client: AdminClient) =>
    gather((before, count) => {
      const time = before === undefined ? undefined : new Date(before).toISOString();
      return client.get(paths.receipts, { ...wanted, before: time, limit: String(count) });
    });
  const { found, complete } = await orFromSpool(
    call,
    () => fromGatewayOr(call, config, live, offline),
    () => offline("spool"),
  );
  const { rows, whole } = found;
  if (!whole) {
    call.io.err(`Only the newest ${limits.receiptsSearched} were searched: --before goes on.`);
  }
  if (call.options.has("json")) for (const row of rows) call.io.out(JSON.stringify(row));
  else call.io.out(rows.length === 0 ? "No receipts." : rowsText(rows));
  return complete ? 0 : 2;
}

function rowsText(rows: readonly ReceiptRow[]): string {
  const lines = rows.map((row) => [
    row.time,
    row.id,
    printable(row.key),
    printable(row.tool),
    row.effect,
    row.outcome ?? "running",
    row.took_ms === null ? "-" : `${row.took_ms.toFixed(1)} ms`,
    printable(row.rule ?? ""),
    row.code ?? "",
  ]);
  const head = ["TIME", "ID", "KEY", "TOOL", "EFFECT", "OUTCOME", "TOOK", "RULE", "CODE"];
  return table([head, ...lines]);
}

/** A word that is none would only ever list nothing. */
function checkWords(call: Invocation): void {
  const tool = call.options.text("tool");
  // A tool alone is taken too, of any server; `server__tool` is the agents' word.
  if (tool?.includes("__") === true || tool?.includes("/") === true) needTarget(tool);
  const outcome = call.options.text("outcome");
  const words: readonly string[] = outcomes;
  if (outcome === undefined || words.includes(outcome)) return;
  const like = nearest(outcome, words);
  const fix = like === undefined ? `one of ${words.join(", ")}` : `did you mean ${like}?`;
  throw fault("GW_USAGE", { message: `--outcome "${printable(outcome)}" is no outcome`, fix });
}

function limitOption(call: Invocation): number {
  const text = call.options.text("limit") ?? "50";
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number <= limits.receiptsPerList) return number;
  const message = `--limit "${text}" is not a number from 1 to ${limits.receiptsPerList}`;
  throw fault("GW_USAGE", { message });
}

function beforeOption(call: Invocation): number | undefined {
  const text = call.options.text("before");
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  const fix = "write --before 2026-01-31T12:00:00Z";
  throw fault("GW_USAGE", { message: `--before "${text}" is not a time`, fix });
}
