/** Who can reach the admin socket: its folder, and the group that `admin.group` names. */

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import process from "node:process";
import { strangersWay } from "../admin/socket-trust.ts";
import { fault } from "../base/errors.ts";

/**
 * Makes the socket's folder (0700; 0710 for a group). Throws GW_LISTEN where a stranger could swap
 * the socket, and so be sent the keys of whoever trusts it.
 */
export function prepareFolder(socket: string, gid: number | undefined): void {
  const folder = dirname(socket);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkFolder(socket);
  const uid = process.getuid?.();
  if (uid === undefined) return;
  const info = lstatSync(folder);
  const ours = info.isDirectory() && info.uid === uid;
  // A folder that is open to others already, or not ours, is left as it is.
  if (gid === undefined || !ours || (info.mode & 0o077) !== 0) return;
  inGroup(folder, gid);
  chmodSync(folder, 0o710);
}

/** The same without making anything: a folder that is not there is made, and is ours. */
export function checkFolder(socket: string, uid = process.getuid?.()): void {
  const folder = dirname(socket);
  if (uid === undefined || !existsSync(folder)) return;
  const cause = folderFault(folder, uid) ?? strangersWay(folder, uid);
  if (cause === undefined) return;
  const message = `Cannot make the admin socket "${socket}"`;
  const fix = `set \`admin.socket\` in a folder of the gateway's user, such as ${usual}`;
  throw fault("GW_LISTEN", { message, cause, fix });
}

const usual = "/run/authensor-gw/admin.sock";

function folderFault(folder: string, uid: number): string | undefined {
  const { mode, uid: owner } = statSync(folder);
  if (owner !== uid && owner !== 0) {
    return `"${folder}" belongs to user ${owner}, who could put another socket there`;
  }
  // In /tmp nobody removes what is another's; our own folder there is for us alone.
  const open = basename(folder) === `authensor-gw-${uid}` ? 0o022 : 0o002;
  const sticky = (mode & 0o1000) !== 0;
  if ((mode & open) === 0 || (sticky && open === 0o002)) return undefined;
  return `others may write in "${folder}", and so put another socket there`;
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
