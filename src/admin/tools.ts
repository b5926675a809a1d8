/** Routes about tools: what there is, and what a key sees of it. */

import { nearest, nearestTarget } from "../base/nearest.ts";
import type { Target } from "../policy/model.ts";
import type { ListedTool, ToolWhy } from "./contract.ts";
import type { AdminPorts, AdminRequest, AdminTool } from "./routes.ts";
import { decidedBy, prepared, subjectOf, whySeen } from "./seen.ts";

/** Query key (a name), or none: then nobody's view. */
export async function listTools(
  { query }: AdminRequest,
  ports: AdminPorts,
): Promise<readonly ListedTool[]> {
  const key = query.get("key");
  const subject = key === null ? undefined : subjectOf(key, ports);
  const offered = ports.tools().map((tool) => {
    const candidates = subject && prepared(targetOf(tool), subject, ports);
    return {
      tool: tool.target,
      exposed: tool.exposed,
      visible: candidates?.visibility ?? null,
      held_back: null,
      by: candidates === undefined ? [] : decidedBy(candidates),
      declared: [...tool.declared],
    };
  });
  const heldBack = ports.quarantined().map(({ server, name, why }) => ({
    tool: `${server}/${name}`,
    exposed: "",
    visible: null,
    held_back: why,
    by: [],
    declared: [],
  }));
  return [...offered, ...heldBack].sort((a, b) => (a.tool < b.tool ? -1 : 1));
}

/** Query tool (`server/tool`) and key (a name). */
export async function whyTool({ query }: AdminRequest, ports: AdminPorts): Promise<ToolWhy> {
  const target = query.get("tool") ?? "";
  const key = query.get("key") ?? "";
  const subject = subjectOf(key, ports);
  const tool = ports.tools().find((one) => one.target === target);
  if (tool === undefined) {
    return { tool: target, key, visible: false, why: whyAbsent(target, ports), visibility: null };
  }
  const candidates = prepared(targetOf(tool), subject, ports);
  const { visibility } = candidates;
  const why = `${whySeen(tool.exposed, candidates, "call")}${downNow(target, ports)}`;
  return { tool: target, key, visible: visibility !== "deny", why, visibility };
}

/** What is visible may fail all the same. */
function downNow(target: string, ports: AdminPorts): string {
  const id = target.split("/")[0] ?? "";
  const state = ports.status().servers.find((one) => one.id === id)?.state;
  if (state === undefined || state === "ready" || state === "idle") return "";
  const show = `authensor-gw servers show ${id}`;
  return `; now its server is in state ${state}, so calls may fail: ${show}`;
}

function targetOf({ target, declared }: AdminTool): Target {
  return { kind: "tool", name: target, declared };
}

function whyAbsent(target: string, ports: AdminPorts): string {
  const held = ports.quarantined().find(({ server, name }) => `${server}/${name}` === target);
  if (held !== undefined) return `It is held back: ${held.why}`;
  const exposed = ports.tools().find((tool) => tool.exposed === target);
  if (exposed !== undefined) return `That is its name for agents; did you mean ${exposed.target}?`;
  const serverId = target.split("/")[0] ?? "";
  const { servers } = ports.status();
  const server = servers.find(({ id }) => id === serverId);
  const like = nearestTarget(
    target,
    ports.tools().map((tool) => tool.target),
  );
  const next = like === undefined ? "`authensor-gw tools list` names all" : `did you mean ${like}?`;
  if (server === undefined) {
    const ids = servers.map(({ id }) => id);
    const near = like === undefined ? nearest(serverId, ids) : undefined;
    const meant = near === undefined ? next : `did you mean the server ${near}?`;
    return `No server is called "${serverId}"; ${meant}`;
  }
  if (server.state !== "ready") {
    const cause = server.cause ?? "no cause is known";
    const show = `authensor-gw servers show ${serverId}`;
    return `Its server is in state ${server.state}: ${cause}; see ${show}`;
  }
  const unnamed = ports.quarantined().find((one) => one.server === serverId && isMore(one.name));
  if (unnamed !== undefined) {
    return `It is not offered; of this server ${unnamed.name} are held back: ${unnamed.why}`;
  }
  return `The server offers no such tool; ${next}`;
}

/** It stands for those that are too many to name. */
function isMore(name: string): boolean {
  return name.startsWith("(") && name.endsWith(" more)");
}
