/** `authensor-gw receipts show`: one call's records, whole. */

import { paths, type ReceiptDetail } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { fromGatewayOr, needConfig } from "./context.ts";
import { orFromSpool } from "./without-store.ts";

export async function run(call: Invocation): Promise<number> {
  const id = call.args[0] ?? "";
  const config = needConfig(call);
  const offline = async (places?: "spool") => {
    const { showReceiptOffline } = await import("../gateway/offline-receipts.ts");
    const found = await showReceiptOffline(config, id, places);
    if (found === undefined) throw fault("GW_RECEIPT_UNKNOWN", { message: `No receipt "${id}"` });
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
  const lines = [`receipt ${receipt.id}, chain ${receipt.chain}`];
  for (const { seq, kind, hash, prev, body } of receipt.records) {
    lines.push("", `${kind}, seq ${seq}`, `  hash ${hash}`, `  prev ${prev}`);
    const fields: unknown = JSON.parse(body);
    for (const [name, value] of Object.entries(fields as Record<string, unknown>)) {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      lines.push(`  ${printable(name)} ${printable(text)}`);
    }
  }
  if (receipt.records.length === 1 && receipt.records[0]?.kind === "intent") {
    lines.push("", "No outcome yet: the call still runs, or the gateway has not started again.");
  }
  return lines.join("\n");
}
