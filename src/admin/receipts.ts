/** Routes about receipts. */

import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { noReceipt } from "../base/receipt-fault.ts";
import type { ReceiptQuery, ReceiptRow } from "../store/store.ts";
import type { ReceiptDetail } from "./contract.ts";
import type { AdminPorts, AdminRequest } from "./routes.ts";

/** Query limit, before (ISO time), key, tool, outcome. */
export function listReceipts(
  { query }: AdminRequest,
  ports: AdminPorts,
): Promise<readonly ReceiptRow[]> {
  const wanted: { -readonly [Name in keyof ReceiptQuery]: ReceiptQuery[Name] } = {
    limit: limitOf(query.get("limit")),
  };
  const before = query.get("before");
  if (before !== null) wanted.beforeMs = timeOf(before);
  for (const name of ["key", "tool", "outcome"] as const) {
    const value = query.get(name);
    if (value !== null) wanted[name] = value;
  }
  return ports.receipts(wanted);
}

export async function showReceipt(
  { query }: AdminRequest,
  ports: AdminPorts,
): Promise<ReceiptDetail> {
  const id = query.get("id") ?? "";
  const found = await ports.receipt(id);
  if (found === undefined) throw noReceipt(id);
  return found;
}

function limitOf(text: string | null): number {
  const number = Number(text ?? "50");
  if (Number.isInteger(number) && number > 0 && number <= limits.receiptsPerList) return number;
  throw fault("GW_PARAMS", {
    message: `"limit" must be a whole number from 1 to ${limits.receiptsPerList}`,
  });
}

function timeOf(text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw fault("GW_PARAMS", { message: '"before" must be a time like 2026-01-31T12:00:00Z' });
}
