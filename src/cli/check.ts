/** `authensor-gw check`: the checks of a start; it exits as a start would. */

import { catalogue } from "../base/error-codes.ts";
import { describe, type ErrorCode } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { checkPrograms } from "../gateway/check-programs.ts";
import { checkStart } from "../gateway/config-check.ts";
import type { Config } from "../gateway/config-model.ts";
import { type ConfigProblem, describeProblem } from "../gateway/config-problem.ts";
import { inspectConfig } from "../gateway/config-read.ts";
import type { Invocation } from "./command.ts";
import { nothingAllowed } from "./policy-files.ts";
import { counted } from "./words.ts";

interface Problem {
  readonly code: ErrorCode;
  readonly text: string;
  readonly json: object;
}

export async function run({ options, io }: Invocation): Promise<number> {
  const where = { path: options.text("config"), env: io.env, cwd: io.cwd };
  // What is wrong in one place does not hide what is wrong in another.
  const { problems: ofFile, rest } = inspectConfig(where);
  const config = rest?.config;
  const checked = rest && (await checkStart(rest.config, rest.wrong));
  const problems: Problem[] = [
    ...ofFile.map(problemOfFile),
    ...(checked?.problems ?? []).map((problem) => {
      const { code, message, why, fix } = problem;
      return { code, text: describe(problem), json: { code, message, cause: why, fix } };
    }),
  ];
  const paths = io.env["PATH"] ?? "";
  const warnings = rest ? checkPrograms(rest.config, rest.source, paths, rest.wrong) : [];
  const notes = [...(config?.notes ?? []), ...(checked?.notes ?? [])];
  const ok = problems.length === 0;
  const facts = config && sizes(config, checked?.policy?.rules.length ?? 0);
  if (options.has("json")) {
    const json = problems.map((problem) => problem.json);
    const found = { ok, config: config?.file, ...facts, problems: json, warnings, notes };
    io.out(JSON.stringify(found));
    return exitOf(problems);
  }
  for (const line of notes.flatMap((note) => note.split("\n"))) io.err(printable(line));
  for (const problem of problems) io.out(problem.text);
  for (const warning of warnings) io.out(`warning: ${describeProblem(warning)}`);
  if (!ok) return exitOf(problems);
  const servers = counted(facts?.servers ?? 0, "server");
  const without = warnings.length === 0 ? "" : ` (${warnings.length} cannot be started)`;
  io.out(`Well: ${config?.file}, ${servers}${without}, ${counted(facts?.rules ?? 0, "rule")}`);
  if (config?.policy.length === 0) io.out("There is no policy: every call is denied.");
  else if (checked?.policy?.allowsNothing === true) io.out(nothingAllowed);
  return 0;
}

function problemOfFile(problem: ConfigProblem): Problem {
  return { code: problem.code, text: describeProblem(problem), json: problem };
}

/** What is to be corrected in the files comes first, as it does in a start. */
function exitOf(problems: readonly Problem[]): number {
  const exits = problems.map(({ code }) => catalogue[code].exit);
  return exits.includes(78) ? 78 : (exits[0] ?? 0);
}

function sizes(config: Config, rules: number) {
  return { servers: config.servers.filter((server) => server.enabled).length, rules };
}
