/** Whether another user can read a file: asked before a service of his starts without it. */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fault } from "../base/errors.ts";

/** By modes only, as `init` and people set them. Throws GW_SERVICE with the command to run. */
export function needReadable(files: readonly string[], user: string): void {
  const account = accountOf(user);
  // Not there in /etc/passwd: another directory of users knows; then systemd tells at the start.
  if (account === undefined) return;
  for (const file of files) {
    const closed = closedFolder(path.dirname(file), account);
    if (closed !== undefined) {
      throw unreadable(file, user, `it may not enter ${closed}`, `chmod o+x ${closed}`);
    }
    const info = statSync(file, { throwIfNoEntry: false });
    if (info === undefined || may(info, account, 4)) continue;
    const fix = `chgrp ${user} ${file} && chmod 640 ${file}`;
    throw unreadable(file, user, `mode ${(info.mode & 0o777).toString(8).padStart(4, "0")}`, fix);
  }
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

function accountOf(user: string): Account | undefined {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((one) => one.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined
    ? undefined
    : { uid: Number(uid), gid: Number(gid) };
}

function closedFolder(folder: string, account: Account): string | undefined {
  for (let at = folder; at !== path.dirname(at); at = path.dirname(at)) {
    const info = statSync(at, { throwIfNoEntry: false });
    if (info !== undefined && !may(info, account, 1)) return at;
  }
  return undefined;
}

function may(info: { uid: number; gid: number; mode: number }, of: Account, bit: number): boolean {
  const shift = info.uid === of.uid ? 6 : info.gid === of.gid ? 3 : 0;
  return ((info.mode >> shift) & bit) !== 0;
}

function unreadable(file: string, user: string, cause: string, fix: string) {
  return fault("GW_SERVICE", { message: `The user ${user} cannot read "${file}"`, cause, fix });
}
