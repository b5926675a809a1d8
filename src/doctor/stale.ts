/** The config is read at the start only: what is corrected in it needs a new start (GW_STALE). */

import { changedMs } from "../gateway/config-find.ts";
import type { World } from "./world.ts";

/** The config's file is newer than what the running gateway uses. */
export function isConfigStale({ config, gateway }: World): boolean {
  if (config === undefined || gateway.kind !== "up") return false;
  return changedMs(config.file) > gateway.status.startedMs;
}

/** `restart the gateway: kill -TERM 123; authensor-gw serve`. */
export function restartFix(world: World): string {
  const { gateway } = world;
  const end = gateway.kind === "up" ? `kill -TERM ${gateway.status.pid}; ` : "";
  return `restart the gateway: ${end}${world.command("serve")}`;
}

/** How a corrected config comes into force, as the end of a fix; "" where no gateway runs. */
export function thenRestart({ gateway }: World): string {
  return gateway.kind === "up" ? ", then restart the gateway" : "";
}
