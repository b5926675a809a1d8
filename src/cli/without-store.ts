/** Receipts while the store does not answer: what lies in data_dir is still there to see. */

import { describe, GatewayError } from "../base/errors.ts";
import type { Invocation } from "./command.ts";

/** `complete` false: the store was away, stderr says why, and `spool` gave the answer. */
export async function orFromSpool<T>(
  call: Invocation,
  all: () => Promise<T>,
  spool: () => Promise<T>,
): Promise<{ found: T; complete: boolean }> {
  try {
    return { found: await all(), complete: true };
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code !== "GW_DATABASE") throw thrown;
    call.io.err(describe(thrown));
    call.io.err("INCOMPLETE: the store does not answer; this is what lies in data_dir.");
    return { found: await spool(), complete: false };
  }
}
