/** Short ways to load a policy and to ask it. */

import type { Json, JsonObject } from "../../src/base/json.ts";
import type { Decision, Facts, Policy, Subject, Target } from "../../src/policy/model.ts";
import { readPolicy } from "../../src/policy/read.ts";

/** The policy of one text (or several); throws with all problems when it does not load. */
export function load(...texts: readonly string[]): Policy {
  const files = texts.map((text, index) => ({ name: `p${index}.yaml`, text }));
  const read = readPolicy(files);
  if (read.ok) return read.value;
  throw new Error(read.error.map((one) => `${one.file}:${one.line} ${one.message}`).join("\n"));
}

export const executor: Subject = {
  keyId: "k1",
  keyName: "agent",
  roles: ["executor"],
  claims: {},
};

export function tool(name: string, declared?: readonly string[]): Target {
  return { kind: "tool", name, declared: declared && new Set(declared) };
}

/** Sunday 2026-11-22, 10:30 UTC. */
export const someTime = Date.UTC(2026, 10, 22, 10, 30);

export function facts(args: JsonObject, more: Partial<Facts> = {}): Facts {
  return { args, client: {}, request: {}, nowMs: someTime, ...more };
}

/** Decides one call; by default the schema declares the arguments that the call has. */
export function ask(
  policy: Policy,
  name: string,
  args: JsonObject = {},
  more: {
    subject?: Subject;
    declared?: readonly string[];
    facts?: Partial<Facts>;
    kind?: Target["kind"];
  } = {},
): Decision {
  const declared = more.declared ?? Object.keys(args);
  const target = { ...tool(name, declared), kind: more.kind ?? "tool" };
  return policy.candidates(more.subject ?? executor, target).decide(facts(args, more.facts));
}

/** A policy with one rule over `t/x`, whose `when` (or `unless`) is this one condition. */
export function oneRule(
  effect: "allow" | "ask" | "deny",
  path: string,
  operator: string,
  operand: Json,
  part: "when" | "unless" = "when",
): Policy {
  const condition = JSON.stringify({ [path]: { [operator]: operand } });
  const rule = `rules: [{id: r, effect: ${effect}, tools: [t/x], ${part}: ${condition}}]`;
  return load(rule);
}
