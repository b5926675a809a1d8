/** What stands in the way of a data_dir, told so that its reader can mend it: GW_DATA_DIR. */

import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { accountName, innermost, modeText, systemAccounts } from "../admin/path-owner.ts";
import { strangersWay } from "../admin/socket-trust.ts";
import { fault, type GatewayError } from "../base/errors.ts";

/** Why it could not be made, read or used. `thrown`: what the attempt threw. */
export function dataDirFault(
  dir: string,
  thrown: unknown,
  attempted: "make" | "read" | "use" = "use",
): GatewayError {
  const message = `Cannot ${attempted} data_dir "${dir}"`;
  const file = fileInTheWay(dir);
  if (file !== undefined) {
    const cause = file === dir ? "a plain file is there" : `"${file}" is a plain file`;
    const fix = "move that file away, or set `data_dir` in the config to a folder";
    return fault("GW_DATA_DIR", { message, cause, fix });
  }
  const { code = "", path = dir, message: why } = errnoOf(thrown);
  if (code === "EACCES" || code === "EPERM") return closed(message, path, code, attempted);
  const found = innermost(dir);
  if (code === "" || found === undefined || found.at === dir) {
    return fault("GW_DATA_DIR", { message, cause: why });
  }
  const fix = "make it by hand, or set `data_dir` in the config to a folder that can be made";
  const cause = `no folder can be made in "${found.at}" (${code})`;
  return fault("GW_DATA_DIR", { message, cause, fix });
}

/**
 * Throws GW_DATA_DIR where this user cannot look into it: to him, all that is in it seems not to be
 * there, also the note that says where its gateway listens. One that does not exist passes.
 */
export function needOpen(dir: string): void {
  lookAt(dir, () => statSync(join(dir, "owner.json")));
}

/** The same for the spool and the store in it: nobody is to be told that there are no receipts. */
export function needReadable(dir: string): void {
  needOpen(dir);
  const spool = join(dir, "spool");
  const { R_OK, X_OK } = constants;
  lookAt(dir, () => accessSync(join(dir, "store.db"), R_OK));
  lookAt(dir, () => accessSync(spool, R_OK | X_OK));
  const names = lookAt(dir, () => readdirSync(spool)) ?? [];
  for (const name of names) lookAt(dir, () => accessSync(join(spool, name), R_OK));
}

/** `does not exist`, and the like: why no receipt can be there. undefined: one can. */
export function emptyCause(dir: string): string | undefined {
  const info = lookAt(dir, () => statSync(dir));
  if (info === undefined) {
    const file = fileInTheWay(dir);
    return file === undefined ? "does not exist" : `cannot be there: "${file}" is a plain file`;
  }
  if (!info.isDirectory()) return "is a plain file";
  const isUsed = ["spool", "store.db", "store.json"].some(
    (name) => lookAt(dir, () => statSync(join(dir, name))) !== undefined,
  );
  return isUsed ? undefined : "holds neither spool nor store";
}

/** What is said to whoever lets others write in it; it stops no start. */
export function openToOthers(dir: string): readonly string[] {
  const uid = process.getuid?.();
  const found = innermost(dir);
  if (uid === undefined || found?.at !== dir) return [];
  if ((found.stats.mode & 0o002) !== 0) {
    const what = `everybody may write in data_dir "${dir}" (mode ${modeText(found.stats)})`;
    return [`${what}, and so put other keys and receipts there: chmod 700 ${dir}`];
  }
  const way = strangersWay(dir, uid);
  return way === undefined ? [] : [`data_dir can be swapped for another one: ${way}`];
}

/** undefined: it is not there. */
function lookAt<T>(dir: string, look: () => T): T | undefined {
  try {
    return look();
  } catch (thrown) {
    const { code } = errnoOf(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw dataDirFault(dir, thrown, "read");
  }
}

/** The place that is closed may be data_dir, a folder on its way, or a file in it. */
function closed(
  message: string,
  path: string,
  code: string,
  attempted: "make" | "read" | "use",
): GatewayError {
  const found = innermost(path);
  if (found === undefined) {
    return fault("GW_DATA_DIR", { message, cause: `permission denied (${code})` });
  }
  const { at, stats } = found;
  const user = accountName(systemAccounts.passwd, stats.uid);
  const whose = `"${at}" belongs to user ${user}, mode ${modeText(stats)}`;
  const cause = `permission denied (${code}): ${whose}`;
  const elsewhere = "or give it to the gateway's user, or set `data_dir` in the config";
  const own = stats.uid === process.getuid?.();
  const fix = own ? `chmod u+rwX ${at}` : `run this as user ${user}`;
  return fault("GW_DATA_DIR", {
    message,
    cause,
    fix: attempted === "read" ? fix : `${fix}; ${elsewhere}`,
  });
}

/** The data_dir itself, or what should be a folder on its way and is none. */
function fileInTheWay(dir: string): string | undefined {
  const found = innermost(dir);
  return found === undefined || found.stats.isDirectory() ? undefined : found.at;
}

function errnoOf(thrown: unknown): { code?: string; path?: string; message: string } {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const { code, path } = thrown as NodeJS.ErrnoException;
  return {
    message: thrown.message,
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof path === "string" ? { path } : {}),
  };
}
