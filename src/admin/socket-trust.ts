/** Whether a socket is where only its owner could put it: a key is not sent to anybody else's. */

import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fault, type GatewayError } from "../base/errors.ts";

/**
 * GW_SOCKET where a stranger could have made the socket or a folder on its way: in a folder that
 * everybody may write to (/tmp) only what is this user's or root's is trusted. A socket that is not
 * there is nobody's.
 */
export function strangersSocket(
  socket: string,
  uid = process.getuid?.(),
): GatewayError | undefined {
  const cause = uid === undefined ? undefined : strangersWay(path.resolve(socket), uid);
  if (cause === undefined) return undefined;
  return fault("GW_SOCKET", {
    message: `No key is sent to the admin socket "${socket}"`,
    cause,
    fix: "find out whose it is and remove it, or set `admin.socket` in a folder of your own",
  });
}

/** Why a stranger could have put there what is at this path; links are followed, and looked at. */
export function strangersWay(place: string, uid: number): string | undefined {
  const real = realPath(path.dirname(place));
  return wayUp(place, uid) ?? (real === undefined ? undefined : wayUp(real, uid));
}

function wayUp(place: string, uid: number): string | undefined {
  for (let at = place; at !== path.dirname(at); at = path.dirname(at)) {
    const [entry, folder] = [look(at, lstatSync), look(path.dirname(at), statSync)];
    if (entry === undefined || folder === undefined || (folder.mode & 0o002) === 0) continue;
    const sticky = (folder.mode & 0o1000) !== 0;
    if (sticky && (entry.uid === uid || entry.uid === 0)) continue;
    return `everybody may write to "${path.dirname(at)}", and "${at}" is of user ${entry.uid}`;
  }
  return undefined;
}

function look(place: string, stat: (place: string) => Stats): Stats | undefined {
  try {
    return stat(place);
  } catch {
    // Not there, or closed: connecting says so.
    return undefined;
  }
}

function realPath(place: string): string | undefined {
  try {
    return realpathSync(place);
  } catch {
    return undefined;
  }
}
