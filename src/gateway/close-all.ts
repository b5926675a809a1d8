/** Closes the parts of a gateway that stops, the last to open first. */

import { asFault, causeText, type GatewayError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

/** Closes a part. `pending`: the disk hangs, and what was to be written there may still be. */
export type Close = (pending?: boolean) => unknown;

/** Each is closed, whatever the others do; the first failure ends the process with its code. */
export async function closeAll(undo: Close[], log: Pick<Log, "error">): Promise<void> {
  let failed: GatewayError | undefined;
  let pending = false;
  for (const close of undo.reverse()) {
    try {
      await close(pending);
    } catch (thrown) {
      const error = asFault(thrown, "Cannot close a part of the gateway");
      pending ||= error.data["pending"] === true;
      log.error("closing failed", { why: causeText(error) });
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
}
