/** `authensor-gw receipts show`: one call's records, whole. */

import { paths, type ReceiptDetail } from "../admin/contract.ts";
import { isObject } from "../base/json.ts";
import { printable } from "../base/printable.ts";
import { noReceipt } from "../base/receipt-fault.ts";
import type { Invocation } from "./command.ts";
import { fromGatewayOr } from "./context.ts";
import { needReach } from "./reach.ts";
import { orFromSpool } from "./without-store.ts";

export async function run(call: Invocation): Promise<number> {
  const id = call.args[0] ?? "";
  const config = await needReach(call);
  const offline = async (places?: "spool") => {
    const { showReceiptOffline } = await import("../gateway/offline-receipts.ts");
    const found = await showReceiptOffline(config, id, places);
    if (found === undefined) throw noReceipt(id);
    return found;
  };
  const { found: receipt, complete } = await orFromSpool<ReceiptDetail>(
    call,
    () => fromGatewayOr(call, config, (client) => client.get(paths.receipt, { id }), offline),
    () => offline("spool"),
  );
  call.io.out(call.options.has("json") ? JSON.stringify(receipt) : receiptText(receipt));
  return complete ? 0 : 2;
}

function receiptText(receipt: ReceiptDetail): string {
  const lines = [`receipt ${receipt.id}, chain ${receipt.chain}`, ...summary(receipt)];
  for (const { seq, kind, hash, prev, body } of receipt.records) {
    lines.push("", `${kind}, seq ${seq}`, `  hash ${hash}`, `  prev ${prev}`);
    for (const [name, value] of Object.entries(JSON.parse(body) as Fields)) {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      if (text !== "" && text !== "[]") lines.push(`  ${printable(name)} ${printable(text)}`);
    }
  }
  if (receipt.records.length === 1 && receipt.records[0]?.kind === "intent") {
    lines.push("", "No outcome yet: the call still runs, or the gateway has not started again.");
  }
  return lines.join("\n");
}

type Fields = Record<string, unknown>;

/** What people ask first; the records below are the evidence. */
function summary({ records }: ReceiptDetail): string[] {
  const [call = {}, second] = records.map(({ body }) => JSON.parse(body) as Fields);
  const end = call["kind"] === "call" ? call : second;
  const last = end ?? call;
  const rule = call["rule"] === "" ? "" : ` by rule ${String(call["rule"])}`;
  const server = call["server"] === "" ? "" : `${String(call["server"])}/`;
  const code = last["code"] === "" ? "" : ` ${String(last["code"])}`;
  const took = end && `${String(end["took_ms"])} ms, server ${String(end["server_ms"])} ms`;
  const queue = end?.["queue_ms"] === undefined ? "" : `, queue ${String(end["queue_ms"])} ms`;
  const rows: [string, string | undefined][] = [
    ["time", timeText(call["at"])],
    ["key", String(call["key_name"])],
    ["tool", `${server}${String(call["tool"])}`],
    ["method", call["method"] === "tools/call" ? undefined : String(call["method"])],
    ["effect", `${String(call["effect"])}${rule}`],
    ["outcome", last["outcome"] === undefined ? undefined : `${String(last["outcome"])}${code}`],
    ["took", took && `${took}${queue}`],
    ["asked", askedText(last["asked"])],
  ];
  return rows.flatMap(([name, text]) =>
    text === undefined ? [] : [`  ${name.padEnd(8)}${printable(text)}`],
  );
}

/** What the server asked the client in the middle of the call, and how that ended. */
function askedText(asked: unknown): string | undefined {
  if (!Array.isArray(asked)) return undefined;
  return asked
    .filter(isObject)
    .map((one) => `${String(one["method"])} ${String(one["end"])}`)
    .join(", ");
}

function timeText(at: unknown): string | undefined {
  const date = new Date(Number(at));
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
