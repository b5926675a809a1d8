/** Whether a socket is where only its owner could put it: a key is not sent to anybody else's. */

import { lstatSync, type Stats } from "node:fs";
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
  if (uid === undefined) return undefined;
  for (let at = path.resolve(socket); at !== path.dirname(at); at = path.dirname(at)) {
    const [entry, folder] = [look(at), look(path.dirname(at))];
    if (entry === undefined || folder === undefined || (folder.mode & 0o002) === 0) continue;
    const sticky = (folder.mode & 0o1000) !== 0;
    if (sticky && (entry.uid === uid || entry.uid === 0)) continue;
    return fault("GW_SOCKET", {
      message: `No key is sent to the admin socket "${socket}"`,
      cause: `everybody may write to "${path.dirname(at)}", and "${at}" is of user ${entry.uid}`,
      fix: "find out whose it is and remove it, or set `admin.socket` in a folder of your own",
    });
  }
  return undefined;
}

function look(place: string): Stats | undefined {
  try {
    return lstatSync(place);
  } catch {
    // Not there, or closed: connecting says so.
    return undefined;
  }
}
