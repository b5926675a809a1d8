/** Why a program cannot be started: the system has one number for several causes. */

import fs from "node:fs";
import path from "node:path";

/**
 * In words, with the system's name of it; undefined: nothing stands in its way. `cwd`: undefined
 * where the config names none; `from`: what a relative path then means. `paths`: PATH.
 */
export function programFault(
  program: string,
  { cwd, from = ".", paths }: { cwd?: string | undefined; from?: string; paths: string },
): string | undefined {
  const folder = cwd === undefined ? undefined : folderFault(cwd);
  if (folder !== undefined) return `its cwd "${cwd}" ${folder}`;
  const base = cwd ?? from;
  const places = program.includes("/")
    ? [path.resolve(base, program)]
    : paths.split(":").map((place) => path.resolve(base, place || ".", program));
  const there = places.filter((place) => isThere(place));
  const [first] = there;
  if (first === undefined) {
    const where = program.includes("/") ? "" : " on the PATH";
    return `"${program}" is not there${where} (ENOENT)`;
  }
  const found = there.find((place) => may(place));
  if (found === undefined) return `"${first}" is not executable (EACCES)`;
  return formFault(found);
}

function folderFault(cwd: string): string | undefined {
  const found = fs.statSync(cwd, { throwIfNoEntry: false });
  if (found === undefined) return "is not there (ENOENT)";
  if (!found.isDirectory()) return "is not a folder (ENOTDIR)";
  return may(cwd) ? undefined : "may not be entered (EACCES)";
}

function isThere(place: string): boolean {
  return fs.statSync(place, { throwIfNoEntry: false })?.isFile() === true;
}

function may(place: string): boolean {
  try {
    fs.accessSync(place, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Scripts name what runs them; what is neither that nor a binary would need a shell (U5). */
function formFault(place: string): string | undefined {
  const head = headOf(place);
  if (head === undefined) return undefined;
  if (!head.startsWith("#!")) {
    return head.includes("\0")
      ? undefined
      : `"${place}" is no program: it is text without a #! line (ENOEXEC)`;
  }
  const [runner = ""] =
    head
      .slice(2)
      .split("\n", 1)[0]
      ?.trim()
      .split(/[ \t\r]/) ?? [];
  if (fs.existsSync(runner)) return undefined;
  return `"${place}" is run by "${runner}", which is not there (ENOENT)`;
}

/** Of a program that may be run and not read nothing is known. */
function headOf(place: string): string | undefined {
  const bytes = Buffer.alloc(256);
  try {
    const file = fs.openSync(place, "r");
    try {
      return bytes.toString("latin1", 0, fs.readSync(file, bytes, 0, bytes.length, 0));
    } finally {
      fs.closeSync(file);
    }
  } catch {
    return undefined;
  }
}
