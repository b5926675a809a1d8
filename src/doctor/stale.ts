/** What is corrected in the config is in force after a reload (GW_STALE). */

import { changedMs } from "../gateway/config-find.ts";
import type { World } from "./world.ts";

/** The config's file is newer than what the running gateway uses. */
export function isConfigStale({ config, gateway }: World): boolean {
  if (config === undefined || gateway.kind !== "up") return false;
  return changedMs(config.file) > gateway.status.reload.readMs;
}

/** `authensor-gw reload`. */
export function reloadFix(world: World): string {
  return world.command("reload");
}

/** `restart the gateway: kill -TERM 123; authensor-gw serve`. */
export function restartFix(world: World): string {
  const { gateway } = world;
  const end = gateway.kind === "up" ? `kill -TERM ${gateway.status.pid}; ` : "";
  return `restart the gateway: ${end}${world.command("serve")}`;
}

/** How a corrected config comes into force, as the end of a fix; "" where no gateway runs. */
export function thenReload(world: World): string {
  return world.gateway.kind === "up" ? `, then ${reloadFix(world)}` : "";
}

/** The same for what only a start reads. */
export function thenRestart({ gateway }: World): string {
  return gateway.kind === "up" ? ", then restart the gateway" : "";
}
