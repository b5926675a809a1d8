/** What a start does before it listens, without starting: config, policy, data_dir. */

import { accessSync, constants, statSync } from "node:fs";
import { asFault, fault, type GatewayError } from "../base/errors.ts";
import type { Policy } from "../policy/model.ts";
import { realPath } from "./config-find.ts";
import type { Config } from "./config-model.ts";
import { loadPolicy } from "./load-policy.ts";

/** Every problem beyond the file itself. Uses what `serve` uses (O3); changes nothing. */
export async function checkStart(config: Config): Promise<{
  readonly problems: readonly GatewayError[];
  readonly policy: Policy | undefined;
}> {
  const problems: GatewayError[] = [];
  const attempt = async <T>(what: string, run: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await run();
    } catch (thrown) {
      problems.push(asFault(thrown, what));
      return undefined;
    }
  };
  const policy = await attempt("Cannot load the policy", () => loadPolicy(config.policy));
  await attempt("Cannot use data_dir", () => checkDataDir(config.dataDir));
  return { problems, policy };
}

/** Writable, or makeable in the nearest folder that exists. */
function checkDataDir(path: string): void {
  try {
    const info = statSync(path, { throwIfNoEntry: false });
    if (info === undefined) accessSync(existingParent(path), constants.W_OK | constants.X_OK);
    else if (info.isDirectory()) accessSync(path, constants.W_OK | constants.X_OK);
    else throw new Error("a file is there");
  } catch (thrown) {
    throw unusable(path, thrown);
  }
}

function existingParent(path: string): string {
  let folder = realPath(path);
  while (statSync(folder, { throwIfNoEntry: false }) === undefined) {
    folder = folder.slice(0, folder.lastIndexOf("/")) || "/";
  }
  return folder;
}

function unusable(path: string, thrown: unknown): GatewayError {
  const cause = thrown instanceof Error ? thrown.message : String(thrown);
  return fault("GW_DATA_DIR", { message: `Cannot use data_dir "${path}"`, cause });
}
