/** Why this user may not open the admin socket, and what lets him in: owner, mode, group. */

import { readFileSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { fault, type GatewayError } from "../base/errors.ts";

/** Where names of users and groups are; a test has its own. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

/** GW_SOCKET. Nobody may go round it: a second gateway would be another one than the people's. */
export function socketFault(
  socket: string,
  accounts: Accounts = { passwd: "/etc/passwd", group: "/etc/group" },
): GatewayError {
  const message = `Cannot open the admin socket "${socket}"`;
  const found = closed(socket);
  if (found === undefined) {
    return fault("GW_SOCKET", { message, cause: "this user may not look where it is" });
  }
  const { at, stats } = found;
  const user = nameOf(accounts.passwd, stats.uid);
  const group = nameOf(accounts.group, stats.gid);
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  const it = at === socket ? "it" : `its folder "${at}"`;
  const cause = `${it} belongs to user ${user} and group ${group}, mode ${mode}`;
  // What a group may do: write to the socket, pass the folder.
  const opens = (stats.mode & (at === socket ? 0o020 : 0o010)) !== 0 && stats.gid !== 0;
  const join = opens
    ? `join the group: sudo usermod -aG ${group} "$USER", then log in anew`
    : "set `admin.group` in the config to a group of yours and restart the gateway";
  return fault("GW_SOCKET", { message, cause, fix: `${join}; or run this as user ${user}` });
}

/** The socket, or the innermost folder on its way that can be looked at. */
function closed(socket: string): { at: string; stats: Stats } | undefined {
  for (let at = socket; ; at = path.dirname(at)) {
    try {
      return { at, stats: statSync(at) };
    } catch {
      // A folder further out is the closed one.
      if (at === path.dirname(at)) return undefined;
    }
  }
}

/** Runtimes do not ask the system for names; an account of a directory service keeps its number. */
function nameOf(file: string, id: number): string {
  try {
    const line = readFileSync(file, "utf8")
      .split("\n")
      .find((one) => one.split(":")[2] === String(id));
    return line?.split(":")[0] ?? String(id);
  } catch {
    // No such file on this system.
    return String(id);
  }
}
