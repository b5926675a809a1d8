/** For commands without an end of their own. */

import process from "node:process";

let gone: Promise<void> | undefined;

/** Resolves when nobody reads stdout any more, as with `… | head`. */
export function readerGone(): Promise<void> {
  gone ??= new Promise((resolve) => {
    process.stdout.on("error", () => resolve());
    process.stdout.on("close", () => resolve());
  });
  return gone;
}
