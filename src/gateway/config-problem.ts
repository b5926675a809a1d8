/** What is wrong with a config, where, and what to do. */

import { catalogue } from "../base/error-codes.ts";
import type { ErrorCode } from "../base/errors.ts";

/** Line and column count from 1; both 0 where the problem is the file itself. Safe to show. */
export interface ConfigProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly fix?: string;
  /** What it is about, as people write a path: `servers.files.url`. Absent: the file as a whole. */
  readonly key?: string;
}

/** Two lines for a terminal: `file:line:column GW_X: message`, `Try: fix`. */
export function describeProblem(problem: ConfigProblem): string {
  const place =
    problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const fix = problem.fix ?? catalogue[problem.code].fix;
  return `${place} ${problem.code}: ${problem.message}\nTry: ${fix}`;
}

/** A node of the config: keys and list indexes from the root. */
export type ConfigPath = readonly (string | number)[];

/** `servers.files.timeout`, `policy[1]`: how people write a path. */
export function pathText(path: ConfigPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}
