/** Policy files to the policy in force: a bad file ends a start, on reload the old one stays. */

import { readFileSync } from "node:fs";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { readPlainYaml } from "../base/plain-yaml.ts";
import type { Policy, PolicyProblem } from "../policy/model.ts";
import { type Operators, plainOperators } from "../policy/operators.ts";
import { noPolicy, type Parse, type PolicyFile, readBundle } from "../policy/read-bundle.ts";
import type { Config } from "./config-model.ts";

/** Rejects GW_POLICY with every problem in its text. */
export async function loadPolicy(config: Pick<Config, "policy" | "policyPlaces">): Promise<Policy> {
  const { policy: files, policyPlaces } = config;
  if (files.length === 0) return noPolicy();
  const texts = files.map((name, at) => ({ name, text: readText(name, policyPlaces[at] ?? "") }));
  const quick = readBundle(texts, plain, await operatorsFor(texts));
  if (quick.ok) return quick.value;
  // The full parser takes what the quick one leaves, and has the words for mistakes.
  const { readPolicy } = await import("../policy/read.ts");
  const read = readPolicy(texts);
  if (read.ok) return read.value;
  const { error: problems } = read;
  const count = problems.length;
  throw fault("GW_POLICY", {
    message: `Cannot load the policy: ${count} problem${count === 1 ? "" : "s"}`,
    cause: `\n${problems.map(line).join("\n")}`,
    data: { at: problems[0] === undefined ? "" : `${problems[0].file}:${problems[0].line}` },
  });
}

/** Libraries of 200 kB are not loaded for who does not name what needs them. */
async function operatorsFor(files: readonly PolicyFile[]): Promise<Operators> {
  const words = ["url", "cidr", "re2"];
  const isPlain = files.every(({ text }) => !words.some((word) => text.includes(word)));
  if (isPlain) return plainOperators;
  return (await import("../policy/library-operators.ts")).operators;
}

/** What is left to the full parser counts as a problem here: never as an empty file. */
const plain: Parse = (text, complain) => {
  const tree = readPlainYaml(text);
  if (tree === undefined) complain({ line: 1, column: 1 }, "left to the full parser");
  return tree;
};

function line(problem: PolicyProblem): string {
  const fix = problem.fix === undefined ? "" : ` (${problem.fix})`;
  return `  ${problem.file}:${problem.line}:${problem.column} ${problem.message}${fix}`;
}

const causes: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file (ENOENT)",
  EACCES: "this user may not read it (EACCES)",
  EISDIR: "it is a folder (EISDIR)",
};

/** `named`: where the config names it, which is the line to correct. */
function readText(name: string, named: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(name);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
    throw fault("GW_POLICY", {
      message: `Cannot read policy "${name}"`,
      cause: `${causes[code] ?? code}; ${named} names it`,
      fix: `make the file, or correct its name at ${named}: names are relative to the config`,
      data: { at: named },
    });
  }
  if (bytes.length > limits.policyBytes) {
    const message = `Policy "${name}" is over ${limits.policyBytes} bytes`;
    throw fault("GW_POLICY", { message, cause: `${named} names it`, data: { at: name } });
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
