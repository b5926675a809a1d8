/** What a start does, tried and undone: policy, data_dir, store, database, doors. */

import { accessSync, constants, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { asFault, type GatewayError } from "../base/errors.ts";
import { inVain } from "../policy/in-vain.ts";
import type { Policy } from "../policy/model.ts";
import { currentRuntime } from "../runtime/current.ts";
import { checkDatabase, checkEmbedded } from "./check-database.ts";
import { realPath } from "./config-find.ts";
import type { Config } from "./config-model.ts";
import { dataDirFault, openToOthers } from "./data-dir.ts";
import { tryDoors } from "./listeners.ts";
import { loadPolicy } from "./load-policy.ts";
import { readOwner } from "./owner.ts";
import { ownerOf } from "./whose.ts";

export interface Checked {
  readonly problems: readonly GatewayError[];
  readonly policy: Policy | undefined;
  /** What could not be tried, and what does not stop a start; for people. */
  readonly notes: readonly string[];
}

/**
 * Every problem beyond the file itself. Uses what `serve` uses (O3); leaves nothing changed.
 * `wrong`: keys of the file with a problem of their own; nothing is tried with a default for these.
 */
export async function checkStart(config: Config, wrong: readonly string[] = []): Promise<Checked> {
  const isSound = (...roots: string[]) => !wrong.some((key) => roots.includes(rootOf(key)));
  const problems: GatewayError[] = [];
  const notes: string[] = [];
  const attempt = async <T>(what: string, run: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await run();
    } catch (thrown) {
      problems.push(asFault(thrown, what));
      return undefined;
    }
  };
  const policy = isSound("policy")
    ? await attempt("Cannot load the policy", () => loadPolicy(config))
    : undefined;
  const servers = config.servers.map(({ id }) => id);
  if (policy !== undefined) notes.push(...inVain(policy, servers));
  const usable = isSound("data_dir")
    ? await attempt("Cannot use data_dir", () => checkDataDir(config.dataDir))
    : undefined;
  let runs = false;
  if (usable === true) {
    notes.push(...openToOthers(config.dataDir));
    const owner = await attempt("Cannot use data_dir", () => ownerOf(config));
    runs = owner !== undefined;
    if (owner !== undefined) {
      notes.push(`This config's gateway runs (process ${owner.pid}): its port was not tried`);
    }
    if (isSound("database")) await attempt("Cannot use the store", () => checkEmbedded(config));
  }
  if (config.databaseProblems === undefined && isSound("database")) {
    await attempt("Cannot use the database", () => checkDatabase(config, notes));
  }
  if (!runs && isSound("listen", "admin", "data_dir")) {
    const runtime = await currentRuntime();
    const isOwned = problems.some(({ code }) => code === "GW_OWNED" || code === "GW_SILENT");
    const owners = isOwned ? readOwner(config.dataDir)?.socket : undefined;
    await attempt("Cannot listen", () => tryDoors(runtime, config, owners));
  }
  return { problems, policy, notes };
}

/** `servers` of `servers.files.timeout`. */
function rootOf(key: string): string {
  return key.slice(0, key.search(/[.[]|$/));
}

/** Writable, or makeable in the nearest folder that exists. True: it is there. */
function checkDataDir(path: string): boolean {
  try {
    const info = statSync(path, { throwIfNoEntry: false });
    if (info === undefined) {
      // Only making one tells: a folder of /proc looks writable and is not.
      rmdirSync(mkdtempSync(join(existingParent(path), ".authensor-gw-")));
    } else if (info.isDirectory()) accessSync(path, constants.W_OK | constants.X_OK);
    else throw new Error("it is no folder");
    return info !== undefined;
  } catch (thrown) {
    throw dataDirFault(path, thrown);
  }
}

function existingParent(path: string): string {
  let folder = realPath(path);
  while (statSync(folder, { throwIfNoEntry: false }) === undefined) {
    folder = folder.slice(0, folder.lastIndexOf("/")) || "/";
  }
  return folder;
}
