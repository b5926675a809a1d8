/** `authensor-gw policy check`: every problem with its place, exit 1 on any; globs in vain. */

import { printable } from "../base/printable.ts";
import { inVain } from "../policy/in-vain.ts";
import type { Invocation } from "./command.ts";
import { nothingAllowed, problemText, readNamedPolicy } from "./policy-files.ts";
import { counted } from "./words.ts";

export async function run(call: Invocation): Promise<number> {
  const { files, servers, read } = readNamedPolicy(call);
  const json = call.options.has("json");
  if (!read.ok) {
    for (const problem of read.error) {
      call.io.out(json ? JSON.stringify(problem) : problemText(problem));
    }
    return 1;
  }
  const { hash, rules, allowsNothing } = read.value;
  const notes = inVain(read.value, servers);
  if (!json) for (const note of notes) call.io.err(printable(note));
  if (json) call.io.out(JSON.stringify({ ok: true, hash, rules: rules.length, files, notes }));
  else if (files.length === 0) call.io.out("The config names no policy: everything is denied.");
  else {
    const size = `${counted(rules.length, "rule")} in ${counted(files.length, "file")}`;
    call.io.out(`Well: ${size}, ${hash.slice(0, 12)}`);
    if (allowsNothing) call.io.out(nothingAllowed);
  }
  return 0;
}
