/** Policy files to the policy in force: a bad file ends a start, on reload the old one stays. */

import { readFileSync } from "node:fs";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Policy, PolicyProblem } from "../policy/model.ts";
import { noPolicy, readPolicy } from "../policy/read.ts";

/** Throws GW_POLICY with every problem in its text. */
export function loadPolicy(files: readonly string[]): Policy {
  if (files.length === 0) return noPolicy();
  const read = readPolicy(files.map((name) => ({ name, text: readText(name) })));
  if (read.ok) return read.value;
  const { error: problems } = read;
  throw fault("GW_POLICY", {
    message: `Cannot load the policy, problems: ${problems.length}`,
    cause: `\n${problems.map(line).join("\n")}`,
  });
}

function line(problem: PolicyProblem): string {
  const fix = problem.fix === undefined ? "" : ` (${problem.fix})`;
  return `  ${problem.file}:${problem.line}:${problem.column} ${problem.message}${fix}`;
}

function readText(name: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(name);
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.message : String(thrown);
    throw fault("GW_POLICY", { message: `Cannot read policy "${name}"`, cause });
  }
  if (bytes.length > limits.policyBytes) {
    const message = `Policy "${name}" is over ${limits.policyBytes} bytes`;
    throw fault("GW_POLICY", { message });
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
