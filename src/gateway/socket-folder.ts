/** Who can reach the admin socket: its folder, and the group that `admin.group` names. */

import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import process from "node:process";
import { fault } from "../base/errors.ts";

/**
 * Makes the socket's folder (0700; 0710 for a group). Throws GW_LISTEN where somebody else made our
 * folder under /tmp: he could swap the socket.
 */
export function prepareFolder(socket: string, gid: number | undefined): void {
  const folder = dirname(socket);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const uid = process.getuid?.();
  if (uid === undefined) return;
  const info = lstatSync(folder);
  const ours = info.isDirectory() && info.uid === uid;
  if (basename(folder) === `authensor-gw-${uid}` && (!ours || (info.mode & 0o022) !== 0)) {
    const message = `Cannot make the admin socket "${socket}"`;
    const cause = `"${folder}" belongs to another user, or others may write in it`;
    throw fault("GW_LISTEN", { message, cause, fix: "remove that folder, or set admin.socket" });
  }
  // A folder that is open to others already, or not ours, is left as it is.
  if (gid === undefined || !ours || (info.mode & 0o077) !== 0) return;
  inGroup(folder, gid);
  chmodSync(folder, 0o710);
}

/** Gives a path to the group; its user stays. Throws GW_CONFIG. */
export function inGroup(path: string, gid: number): void {
  try {
    chownSync(path, lstatSync(path).uid, gid);
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.message : String(thrown);
    const fix = "make the gateway's user a member of the group";
    throw fault("GW_CONFIG", { message: `Cannot give "${path}" to admin.group`, cause, fix });
  }
}

/** From `/etc/group`: no runtime asks the system. Throws GW_CONFIG for a name that is not there. */
export function groupId(name: string | undefined, file = "/etc/group"): number | undefined {
  if (name === undefined) return undefined;
  const line = readFileSync(file, "utf8")
    .split("\n")
    .find((one) => one.startsWith(`${name}:`));
  const gid = Number(line?.split(":")[2] ?? Number.NaN);
  if (Number.isInteger(gid)) return gid;
  throw fault("GW_CONFIG", {
    message: `"admin.group" names the group "${name}"`,
    cause: `${file} has no such group`,
    fix: `groupadd ${name}, or name another group`,
  });
}
