/** Policy text to a bundle, or every problem with its place. Never throws; all or nothing. */

import type { Result } from "../base/result.ts";
import { operators } from "./library-operators.ts";
import type { Policy, PolicyProblem } from "./model.ts";
import { type PolicyFile, readBundle } from "./read-bundle.ts";
import { parseYaml } from "./yaml.ts";

export { noPolicy } from "./read-bundle.ts";

/** Files merge into one bundle in which order means nothing. No files: see `noPolicy`. */
export function readPolicy(files: readonly PolicyFile[]): Result<Policy, readonly PolicyProblem[]> {
  return readBundle(files, parseYaml, operators);
}
