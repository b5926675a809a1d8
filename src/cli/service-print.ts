/** `authensor-gw service print`: the unit on stdout, what is worth knowing on stderr. */

import type { Invocation } from "./command.ts";
import { serviceFacts } from "./service-facts.ts";
import { unitText } from "./service-text.ts";

export async function run(call: Invocation): Promise<number> {
  const { unit, faults, notes } = await serviceFacts(call, call.options.has("user"));
  for (const note of notes) call.io.err(note);
  for (const { cause, fix } of faults)
    call.io.err(`It would not start well: ${cause}\nTry: ${fix}`);
  call.io.out(unitText(unit).trimEnd());
  return 0;
}
