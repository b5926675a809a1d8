/** Processes of servers that no gateway looks after any more. */

import { canFindMarked, leftovers } from "../gateway/leftovers.ts";
import { readOwner } from "../gateway/owner.ts";
import { type Finding, finding } from "./finding.ts";
import type { World } from "./world.ts";

export async function checkStrays(world: World): Promise<readonly Finding[]> {
  const { config, gateway } = world;
  if (config === undefined) return [];
  const locals = config.servers.filter(({ transport }) => transport.kind === "stdio");
  if (!canFindMarked()) {
    if (locals.length > 0) world.note(groupsOnly);
    return [];
  }
  // The note of a gateway that is gone says nothing of the present.
  const run = gateway.kind === "down" ? undefined : readOwner(config.dataDir)?.run;
  const pids = await leftovers(config.dataDir, run);
  if (pids.length === 0) return [];
  const shown = pids.slice(0, pidsShown).join(" ");
  const more = pids.length > pidsShown ? `, and ${pids.length - pidsShown} more` : "";
  return [
    finding({
      link: "gateway",
      severity: "warning",
      code: "GW_STRAYS",
      saw: `${pids.length} processes of its servers live on: ${shown}${more}`,
      cause: "their gateway and its guard were killed at once, or somebody else holds them",
      effect: "they take memory, and may hold ports and files that a new start needs",
      fix: gateway.kind === "down" ? world.command("serve") : `kill -KILL ${shown}`,
    }),
  ];
}

const pidsShown = 20;

const groupsOnly =
  "this platform does not show the environment of processes: what a server starts is ended with " +
  "its process group, and what has left the group (setsid) is not found";
