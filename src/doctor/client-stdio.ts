/** An agent's entry that starts `authensor-gw stdio`: what it names is there, and so is its key. */

import { statSync } from "node:fs";
import path from "node:path";
import type { ErrorCode } from "../base/errors.ts";
import { localKeyFile } from "../gateway/config-find.ts";
import { programFault } from "../runtime/program.ts";
import type { Entry } from "./client-file.ts";
import type { World } from "./world.ts";

export interface StdioFault {
  readonly code: ErrorCode;
  readonly saw: string;
  readonly fix: string;
}

/** The word that makes it ours, whatever program carries it (npx, bun, the binary). */
export function isStdioEntry({ command }: Pick<Entry, "command">): boolean {
  const at = command.indexOf("stdio");
  return at > 0 && command.slice(0, at).some((word) => /authensor/i.test(word));
}

export interface Around {
  /** Where relative paths of its file start. */
  readonly folder: string;
  readonly policies: readonly string[];
}

/** undefined: nothing is wrong with it. */
export function stdioFault(entry: Entry, world: World, around: Around): StdioFault | undefined {
  const { folder } = around;
  const { name, command } = entry;
  const own = command.indexOf("--");
  if (own !== -1) {
    const program = command[own + 1] ?? "";
    const paths = entry.env["PATH"] ?? world.env["PATH"] ?? "";
    const saw = programFault(program, { from: folder, paths });
    const fix = `write the whole path of the program after "--" in "${name}"`;
    if (saw !== undefined) return { code: "GW_CLIENT_CONFIG", saw, fix };
    return policyFault(optionValue(command.slice(0, own), "--policy"), name, around);
  }
  for (const option of ["--config", "--key-file"]) {
    const file = optionValue(command, option);
    if (file === undefined || isThere(path.resolve(folder, file))) continue;
    const saw = `${option} names "${file}", which is not there`;
    return { code: "GW_CLIENT_CONFIG", saw, fix: `write its whole path in "args" of "${name}"` };
  }
  const named = optionValue(command, "--key-file") ?? entry.env["AUTHENSOR_GW_KEY"] ?? "";
  const file = localKeyFile(world.env);
  if (named !== "" || isThere(file)) return undefined;
  const saw = `names no key, and there is no ${file}`;
  return { code: "GW_KEY_MISSING", saw, fix: "`authensor-gw init` makes one" };
}

function policyFault(
  policy: string | undefined,
  name: string,
  { folder, policies: known }: Around,
): StdioFault | undefined {
  if (policy !== undefined && known.includes(policy)) return undefined;
  if (policy !== undefined && isThere(path.resolve(folder, policy))) return undefined;
  const saw =
    policy === undefined ? "names no --policy" : `--policy names "${policy}", which is not there`;
  const fix = `write --policy and one of ${known.join(", ")}, or a file, in "args" of "${name}"`;
  return { code: "GW_CLIENT_CONFIG", saw, fix };
}

function optionValue(command: readonly string[], option: string): string | undefined {
  const at = command.indexOf(option);
  if (at !== -1) return command[at + 1];
  return command.find((word) => word.startsWith(`${option}=`))?.slice(option.length + 1);
}

function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}
