/** Routes about tools: what there is, and what a key sees of it. */

import { fault } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { Facts, RuleRef, Subject, Visibility } from "../policy/model.ts";
import type { ListedTool, ToolRule, ToolWhy } from "./contract.ts";
import type { AdminPorts, AdminRequest, AdminTool } from "./routes.ts";

/** Query key (a name), or none: then nobody's view. */
export async function listTools(
  { query }: AdminRequest,
  ports: AdminPorts,
): Promise<readonly ListedTool[]> {
  const key = query.get("key");
  const subject = key === null ? undefined : subjectOf(key, ports);
  const offered = ports.tools().map((tool) => ({
    tool: tool.target,
    exposed: tool.exposed,
    visible: subject === undefined ? null : visibility(tool, subject, ports),
    held_back: null,
    by: subject === undefined ? [] : decidedBy(tool, subject, ports),
    declared: [...tool.declared],
  }));
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
  const seen = visibility(tool, subject, ports);
  return {
    tool: target,
    key,
    visible: seen !== "deny",
    why: seen === "deny" ? whyDenied(tool, subject, ports) : whySeen(tool, subject, seen, ports),
    visibility: seen,
  };
}

function whySeen(
  tool: AdminTool,
  subject: Subject,
  seen: "allow" | "depends",
  ports: AdminPorts,
): string {
  const offered = `It is offered as "${tool.exposed}"`;
  const prepared = candidates(tool, subject, ports);
  const { decision, rules } = prepared.explain(anyCall());
  if (seen === "allow") {
    const by = decision.rule === undefined ? "" : `, by ${ruleText(decision.rule)}`;
    return `${offered}, and every call is allowed${by}`;
  }
  const names = rules.map(({ rule }) => `${ruleText(rule)} to ${rule.effect}`).join(", ");
  return `${offered}; the arguments decide each call: ${names}`;
}

/** Where the arguments decide: every rule about it, a denial before an approval before an allow. */
function decidedBy(tool: AdminTool, subject: Subject, ports: AdminPorts): readonly ToolRule[] {
  const prepared = candidates(tool, subject, ports);
  const { decision, rules } = prepared.explain(anyCall());
  const all = rules.map(({ rule }) => rule).sort((a, b) => rank(a.effect) - rank(b.effect));
  const own = decision.rule === undefined ? [] : [decision.rule];
  return (prepared.visibility === "depends" ? all : own).map(({ id, effect, file, line }) => ({
    rule: id,
    effect,
    at: `${file}:${line}`,
  }));
}

function rank(effect: RuleRef["effect"]): number {
  return ["deny", "ask", "allow"].indexOf(effect);
}

function ruleText({ id, file, line }: RuleRef): string {
  return `rule "${id}" (${file}:${line})`;
}

function anyCall(): Facts {
  return { args: {}, client: {}, request: {}, nowMs: Date.now() };
}

function visibility(tool: AdminTool, subject: Subject, ports: AdminPorts): Visibility {
  return candidates(tool, subject, ports).visibility;
}

function candidates(tool: AdminTool, subject: Subject, ports: AdminPorts) {
  const target = { kind: "tool", name: tool.target, declared: tool.declared } as const;
  return ports.policy().candidates(subject, target);
}

/** Every call is denied, so any call shows the rule. */
function whyDenied(tool: AdminTool, subject: Subject, ports: AdminPorts): string {
  const { code, rule } = candidates(tool, subject, ports).decide(anyCall());
  if (code === "GW_NO_POLICY") return "The config names no policy, so everything is denied";
  if (rule === undefined) return "No rule of the policy allows it for this key";
  const word = code === "GW_ASK" ? "asks for approval" : "denies it";
  return `The ${ruleText(rule)} ${word}`;
}

function whyAbsent(target: string, ports: AdminPorts): string {
  const held = ports.quarantined().find(({ server, name }) => `${server}/${name}` === target);
  if (held !== undefined) return `It is held back: ${held.why}`;
  const exposed = ports.tools().find((tool) => tool.exposed === target);
  if (exposed !== undefined) return `That is its name for agents; did you mean ${exposed.target}?`;
  const serverId = target.split("/")[0] ?? "";
  const { servers } = ports.status();
  const server = servers.find(({ id }) => id === serverId);
  const like = nearestTool(target, ports);
  const next = like === undefined ? "`authensor-gw tools list` names all" : `did you mean ${like}?`;
  if (server === undefined) {
    const ids = servers.map(({ id }) => id);
    const near = like === undefined ? nearest(serverId, ids) : undefined;
    const meant = near === undefined ? next : `did you mean the server ${near}?`;
    return `No server is called "${serverId}"; ${meant}`;
  }
  if (server.state !== "ready") {
    const cause = server.cause ?? "no cause is known";
    return `Its server is ${server.state}: ${cause}; see authensor-gw servers show ${serverId}`;
  }
  return `The server offers no such tool; ${next}`;
}

/** Of the same server where there is one: the tool's name alone says more than the whole does. */
function nearestTool(target: string, ports: AdminPorts): string | undefined {
  const all = ports.tools().map((tool) => tool.target);
  const slash = target.indexOf("/");
  const own = all.filter((one) => one.startsWith(target.slice(0, slash + 1)));
  const name = nearest(
    target.slice(slash + 1),
    own.map((one) => one.slice(slash + 1)),
  );
  return name === undefined ? nearest(target, all) : `${target.slice(0, slash)}/${name}`;
}

function subjectOf(name: string, ports: AdminPorts): Subject {
  const rows = ports.access.list().filter((row) => row.revokedMs === null);
  const row = rows.find((one) => one.name === name || one.id === name);
  if (row === undefined) {
    const like = nearest(
      name,
      rows.map((one) => one.name),
    );
    const fix = like === undefined ? "see `authensor-gw keys list`" : `did you mean ${like}?`;
    throw fault("GW_NAME", { message: `No key is called "${name}"`, fix });
  }
  return { keyId: row.id, keyName: row.name, roles: row.roles, claims: {} };
}
