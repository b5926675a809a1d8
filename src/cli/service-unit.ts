/** Names and places of systemd units. */

import path from "node:path";

export interface Unit {
  readonly name: string;
  /** A unit of the user's own manager (`systemctl --user`). */
  readonly user: boolean;
}

export const unitName = "authensor-gw.service";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where `service install` puts the unit. */
export function unitFile(user: boolean, env: Environment): string {
  if (!user) return path.join("/etc/systemd/system", unitName);
  const home = env["XDG_CONFIG_HOME"] || path.join(env["HOME"] ?? "/", ".config");
  return path.join(home, "systemd/user", unitName);
}

/**
 * The unit that a process belongs to, from /proc/PID/cgroup; undefined where that is none of this
 * program's: a shell in a session, a container, another service that started it.
 */
export function unitOfCgroup(text: string): Unit | undefined {
  const lines = text.split("\n");
  // Version 1 beside 2: systemd keeps units in a hierarchy of its own name.
  const named = lines.find((one) => one.includes(":name=systemd:"));
  const line = named ?? lines.find((one) => one.startsWith("0::")) ?? "";
  const parts = line.slice(line.lastIndexOf(":") + 1).split("/");
  const name = parts.findLast((part) => part.endsWith(".service") && !part.startsWith("user@"));
  if (name === undefined || !name.startsWith("authensor-gw")) return undefined;
  return { name, user: parts.some((part) => part.startsWith("user@")) };
}
