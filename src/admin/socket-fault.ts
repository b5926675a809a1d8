/** Why this user may not open the admin socket, and what lets him in: owner, mode, group. */

import { fault, type GatewayError } from "../base/errors.ts";
import { type Accounts, accountName, innermost, modeText, systemAccounts } from "./path-owner.ts";

/** GW_SOCKET. Nobody may go round it: a second gateway would be another one than the people's. */
export function socketFault(socket: string, accounts: Accounts = systemAccounts): GatewayError {
  const message = `Cannot open the admin socket "${socket}"`;
  const found = innermost(socket);
  if (found === undefined) {
    return fault("GW_SOCKET", { message, cause: "this user may not look where it is" });
  }
  const { at, stats } = found;
  const user = accountName(accounts.passwd, stats.uid);
  const group = accountName(accounts.group, stats.gid);
  const it = at === socket ? "it" : `its folder "${at}"`;
  const cause = `${it} belongs to user ${user} and group ${group}, mode ${modeText(stats)}`;
  // What a group may do: write to the socket, pass the folder.
  const opens = (stats.mode & (at === socket ? 0o020 : 0o010)) !== 0 && stats.gid !== 0;
  const join = opens
    ? `join the group: sudo usermod -aG ${group} "$USER", then log in anew`
    : "set `admin.group` in the config to a group of yours and restart the gateway";
  return fault("GW_SOCKET", { message, cause, fix: `${join}; or run this as user ${user}` });
}
