/** What a key sees of one thing that servers offer, and which rules say so. */

import { fault } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Candidates, Facts, RuleRef, Subject, Target } from "../policy/model.ts";
import type { ToolRule } from "./contract.ts";
import type { AdminPorts } from "./routes.ts";

/** Key by name or id. Throws GW_NAME. */
export function subjectOf(name: string, ports: AdminPorts): Subject {
  const rows = ports.access.list().filter((row) => row.revokedMs === null);
  const row = rows.find((one) => one.name === name || one.id === name);
  if (row === undefined) {
    const names = rows.map((one) => one.name);
    const fix = didYouMean(name, names, "`authensor-gw keys list` shows the keys");
    throw fault("GW_NAME", { message: `No key is called "${name}"`, fix });
  }
  return { keyId: row.id, keyName: row.name, roles: row.roles, claims: {} };
}

export function prepared(target: Target, subject: Subject, ports: AdminPorts): Candidates {
  return ports.policy().candidates(subject, target);
}

/** Where the arguments decide: every rule about it, a denial before an approval before an allow. */
export function decidedBy(candidates: Candidates): readonly ToolRule[] {
  const { decision, rules } = candidates.explain(anyCall());
  const all = rules.map(({ rule }) => rule).sort((a, b) => rank(a.effect) - rank(b.effect));
  const own = decision.rule === undefined ? [] : [decision.rule];
  return (candidates.visibility === "depends" ? all : own).map(({ id, effect, file, line }) => ({
    rule: id,
    effect,
    at: `${file}:${line}`,
  }));
}

/** One sentence. `call`: what is decided each time: a call, a read. */
export function whySeen(exposed: string, candidates: Candidates, call: string): string {
  if (candidates.visibility === "deny") return whyDenied(candidates);
  const offered = `It is offered as "${exposed}"`;
  const { decision, rules } = candidates.explain(anyCall());
  if (candidates.visibility === "allow") {
    const by = decision.rule === undefined ? "" : `, by ${ruleText(decision.rule)}`;
    return `${offered}, and every ${call} is allowed${by}`;
  }
  const names = rules.map(({ rule }) => `${ruleText(rule)} to ${rule.effect}`).join(", ");
  return `${offered}; ${decides[call] ?? "the arguments decide each call"}: ${names}`;
}

const decides: Readonly<Record<string, string>> = {
  read: "the URI decides each read",
};

/** Every call is denied, so any call shows the rule. */
function whyDenied(candidates: Candidates): string {
  const { code, rule } = candidates.decide(anyCall());
  if (code === "GW_NO_POLICY") return "The config names no policy, so everything is denied";
  if (rule === undefined) return noRule;
  const word = code === "GW_ASK" ? "asks for approval" : "denies it";
  return `The ${ruleText(rule)} ${word}`;
}

const noRule =
  "No rule of the policy allows it for this key: " +
  "add one to a file that `policy` names, then authensor-gw reload";

function rank(effect: RuleRef["effect"]): number {
  return ["deny", "ask", "allow"].indexOf(effect);
}

function ruleText({ id, file, line }: RuleRef): string {
  return `rule "${id}" (${file}:${line})`;
}

function anyCall(): Facts {
  return { args: {}, client: {}, request: {}, nowMs: Date.now() };
}
