/** Policy files from the command line, or those the config names. */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { no, ok, type Result } from "../base/result.ts";
import type { Policy, PolicyProblem } from "../policy/model.ts";
import { readPolicy } from "../policy/read.ts";
import type { Invocation } from "./command.ts";
import { needConfig } from "./context.ts";
import { counted } from "./words.ts";

export function readNamedPolicy(call: Invocation): {
  files: readonly string[];
  /** Of the config that names the files; undefined for files from the command line. */
  servers: readonly string[] | undefined;
  read: Result<Policy, readonly PolicyProblem[]>;
} {
  const named = call.args.map((file) => path.resolve(call.io.cwd, file));
  const config = named.length > 0 ? undefined : needConfig(call);
  const files = config?.policy ?? named;
  const servers = config?.servers.map(({ id }) => id);
  const texts = files.map(readText);
  const unreadable = texts.flatMap((text) => (text.ok ? [] : [text.error]));
  if (unreadable.length > 0) return { files, servers, read: no(unreadable) };
  const read = readPolicy(texts.flatMap((text) => (text.ok ? [text.value] : [])));
  return { files, servers, read };
}

function readText(file: string): Result<{ name: string; text: string }, PolicyProblem> {
  const bad = (message: string, fix: string) =>
    no({ code: "GW_POLICY", message, file, line: 1, column: 1, fix } satisfies PolicyProblem);
  try {
    if (statSync(file).size > limits.policyBytes) {
      return bad(`The file is over ${limits.policyBytes} bytes`, "write it as several files");
    }
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
    return ok({ name: file, text });
  } catch (thrown) {
    const cause = (thrown as NodeJS.ErrnoException).code ?? "it is not UTF-8";
    return bad(`Cannot read the file: ${cause}`, "name a policy file that this user may read");
  }
}

/** The policy, or every problem on stderr and exit 78. */
export function needPolicy(call: Invocation): Policy {
  const { read } = readNamedPolicy(call);
  if (read.ok) return read.value;
  for (const problem of read.error) call.io.err(problemText(problem));
  const message = `The policy has ${counted(read.error.length, "problem")}`;
  throw fault("GW_POLICY", { message, data: { shown: true } });
}

export const nothingAllowed = "Its rules allow nothing: every call is denied.";

/** `file:line:column CODE message`, `Try: fix`. */
export function problemText(problem: PolicyProblem): string {
  const { file, line, column, code, message, fix = usualFix } = problem;
  return `${file}:${line}:${column} ${code} ${message}\nTry: ${fix}`;
}

const usualFix = "correct the line; docs/policy.md has the form of every key";
