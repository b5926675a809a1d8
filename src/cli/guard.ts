/** `authensor-gw guard`: started by the gateway beside its children. */

import { guardChildren } from "../gateway/run-guard.ts";

export async function run(): Promise<number> {
  await guardChildren();
  return 0;
}
