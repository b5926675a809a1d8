/** An id that no receipt has: as often as not it is one of something else. */

import { fault, type GatewayError } from "./errors.ts";

export function noReceipt(id: string): GatewayError {
  const message = `No receipt "${id.slice(0, 64)}"`;
  if (isReceiptId(id)) return fault("GW_RECEIPT_UNKNOWN", { message });
  const listed = "`authensor-gw receipts list` shows the ids";
  if (id.startsWith("c-")) {
    const fix = `\`authensor-gw calls list --all\` shows the receipts of calls, ${listed}`;
    return fault("GW_RECEIPT_UNKNOWN", { message, cause: "that is the id of a call", fix });
  }
  const cause = "ids of receipts are like r-740443970bfd-5";
  return fault("GW_RECEIPT_UNKNOWN", { message, cause, fix: listed });
}

function isReceiptId(id: string): boolean {
  const [r, chain = "", seq = "", ...rest] = id.split("-");
  return r === "r" && chain.length === 12 && /^\d+$/.test(seq) && rest.length === 0;
}
