/** Receipts that a filter takes: pages of the list, newest first, until there are enough. */

import { receiptRecord } from "../base/call-fields.ts";
import { type Filter, matches } from "../base/filter.ts";
import { limits } from "../base/limits.ts";
import type { ReceiptRow } from "../store/store.ts";

export type Page = (beforeMs: number | undefined, limit: number) => Promise<readonly ReceiptRow[]>;

/** `whole` false: `limits.receiptsSearched` were looked at and there are more. */
export async function searchReceipts(
  page: Page,
  filter: Filter,
  limit: number,
  beforeMs: number | undefined,
): Promise<{ rows: readonly ReceiptRow[]; whole: boolean }> {
  const nowMs = Date.now();
  const rows: ReceiptRow[] = [];
  // A filter that takes most rows is done with a small page, a rare one soon has large ones.
  let size = Math.min(4 * limit, limits.receiptsPerList);
  let border = new Set<string>();
  let next = beforeMs;
  for (let looked = 0; looked < limits.receiptsSearched; ) {
    const found = await page(next, size);
    const fresh = found.filter((row) => !border.has(row.id));
    for (const row of fresh) {
      if (matches(filter, receiptRecord(row, nowMs))) rows.push(row);
      if (rows.length === limit) return { rows, whole: true };
    }
    const last = found.at(-1);
    if (last === undefined || found.length < size || fresh.length === 0) {
      return { rows, whole: true };
    }
    looked += fresh.length;
    size = Math.min(4 * size, limits.receiptsPerList);
    // Others of the same millisecond may be on the next page: it begins with those we have.
    next = Date.parse(last.time) + 1;
    border = new Set(found.filter((row) => row.time === last.time).map((row) => row.id));
  }
  return { rows, whole: false };
}
