/** `authensor-gw policy check`: every problem with its place; exit 1 on any. */

import type { Invocation } from "./command.ts";
import { problemText, readNamedPolicy } from "./policy-files.ts";

export async function run(call: Invocation): Promise<number> {
  const { files, read } = readNamedPolicy(call);
  const json = call.options.has("json");
  if (!read.ok) {
    for (const problem of read.error) {
      call.io.out(json ? JSON.stringify(problem) : problemText(problem));
    }
    return 1;
  }
  const { hash, rules } = read.value;
  if (json) call.io.out(JSON.stringify({ ok: true, hash, rules: rules.length, files }));
  else if (files.length === 0) call.io.out("The config names no policy: everything is denied.");
  else call.io.out(`Well: ${rules.length} rules in ${files.length} files, ${hash.slice(0, 12)}`);
  return 0;
}
