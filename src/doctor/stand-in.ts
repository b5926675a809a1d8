/** After a reload whose new server is not up: what answers agents is the one from before. */

import type { LiveServer } from "../admin/contract.ts";
import type { FindingParts } from "./finding.ts";
import { clockText, sinceText } from "./times.ts";
import type { World } from "./world.ts";

/** What is to take over; undefined: what answers is what the gateway's config says. */
export function handoverOf(world: World, id: string): LiveServer["handover"] {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  return live?.servers.find((one) => one.id === id)?.handover;
}

export function startedWords(state: string): string {
  return `what the reload started is ${state}`;
}

/** Of every finding about the new one: calls do not fail yet. */
export function whileStandingIn(world: World, id: string): Partial<FindingParts> {
  const handover = handoverOf(world, id);
  if (handover === undefined) return {};
  const until = clockText(handover.untilMs, world.nowMs);
  return {
    severity: "warning",
    since: `the reload at ${sinceText(handover.begunMs, world.nowMs)}`,
    effect: `calls go to the one from before that reload until ${until}; then they fail`,
  };
}
