/** `authensor-gw check`: the checks of a start; exit 78 on any problem. */

import { describe } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { checkStart } from "../gateway/config-check.ts";
import { describeProblem } from "../gateway/config-problem.ts";
import { readConfig } from "../gateway/config-read.ts";
import type { Invocation } from "./command.ts";

export async function run({ options, io }: Invocation): Promise<number> {
  const json = options.has("json");
  const read = readConfig({ path: options.text("config"), env: io.env, cwd: io.cwd });
  if (!read.ok) {
    for (const problem of read.error) {
      io.out(json ? JSON.stringify(problem) : describeProblem(problem));
    }
    return 78;
  }
  const config = read.value;
  const { problems, policy } = await checkStart(config);
  for (const problem of problems) {
    const { code, message, why, fix } = problem;
    io.out(json ? JSON.stringify({ code, message, cause: why, fix }) : describe(problem));
  }
  if (problems.length > 0) return 78;
  for (const note of config.notes) io.err(printable(note));
  const servers = config.servers.filter((server) => server.enabled).length;
  const rules = policy?.rules.length ?? 0;
  if (json) {
    io.out(JSON.stringify({ ok: true, config: config.file, servers, rules, notes: config.notes }));
  } else {
    io.out(`Well: ${config.file}, ${servers} servers, ${rules} rules`);
    if (config.policy.length === 0) io.out("There is no policy: every call is denied.");
  }
  return 0;
}
