/** A loaded bundle, and the decision: deny > ask > allow > nothing matched, which is deny. */

import { type BriefObject, isBriefObject } from "../base/brief.ts";
import type { JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { aside, type Condition, type Context, evaluate } from "./condition.ts";
import type {
  Candidates,
  ConditionTrace,
  Decision,
  Effect,
  Explanation,
  Facts,
  Policy,
  Subject,
  Target,
  Visibility,
} from "./model.ts";
import { allowsNothing } from "./nothing.ts";
import type { Rule } from "./rule.ts";
import { and, FALSE, not, TRUE, triName, UNKNOWN, type Value } from "./tri.ts";

type DefaultCode = "GW_NO_RULE" | "GW_NO_POLICY";

export function makePolicy(
  rules: readonly Rule[],
  hash: () => string,
  files: readonly string[],
  otherwise: DefaultCode,
): Policy {
  let hashed: string | undefined;
  return {
    // The first that asks is none that a start waits for.
    get hash() {
      hashed ??= hash();
      return hashed;
    },
    files,
    rules: rules.map((rule) => rule.ref),
    dependsOnKey: rules.some((rule) => rule.who !== undefined),
    get allowsNothing() {
      return allowsNothing(rules);
    },
    named: () =>
      rules.flatMap(({ ref, target: { globs } }) =>
        [...globs.tools, ...globs.prompts].map((glob) => ({ rule: ref, glob })),
      ),
    candidates: (subject, target) => prepare(rules, subject, target, otherwise),
  };
}

/** A rule that can match calls of one subject to one target. */
interface Candidate {
  readonly rule: Rule;
  readonly effect: Effect;
  /** Of the target's match: true, or unknown for a URI with two readings. */
  readonly target: Value;
  /** Lower wins. By effect, then by id, so that the order of rules and files means nothing. */
  readonly rank: number;
  /** Known arguments of an allow rule; undefined when any may be there. */
  readonly known: ReadonlySet<string> | undefined;
  /** No condition and no argument check: the same for every call. */
  readonly constant: boolean;
}

function prepare(
  rules: readonly Rule[],
  subject: Subject,
  target: Target,
  otherwise: DefaultCode,
): Candidates {
  const applying: Omit<Candidate, "rank">[] = [];
  for (const rule of rules) {
    const matched = rule.target.matches(target);
    if (matched === FALSE || !isFor(rule, subject)) continue;
    const known = knownArgs(rule, target);
    const constant = rule.when === undefined && rule.unless === undefined && known === undefined;
    applying.push({ rule, effect: rule.ref.effect, target: matched, known, constant });
  }
  const ranks = new Map([...applying].sort(byRank).map((one, index) => [one.rule, index]));
  const candidates = applying.map((one) => ({ ...one, rank: ranks.get(one.rule)! }));
  const key = { id: subject.keyId, name: subject.keyName, roles: subject.roles };
  const begin = (facts: Facts, trace: ConditionTrace[] | undefined): Context => ({
    ...{ facts, key, claims: subject.claims, trace },
    ...{ time: undefined, steps: 0, inexact: false, note: undefined, value: undefined },
  });
  const always = candidates.every((one) => one.constant)
    ? conclude(candidates, candidates.map(constantValue), noArgs, otherwise)
    : undefined;
  const before: Before = { values: candidates.map(constantValue), decision: undefined };
  return {
    visibility: visibilityOf(candidates, target),
    decide(facts) {
      if (always !== undefined) return always;
      begun(deciding, facts, key, subject.claims);
      const decision = decide(candidates, deciding, before, otherwise);
      begun(deciding, noFacts, noArgs, noArgs);
      return decision;
    },
    explain: (facts) => explain(candidates, (trace) => begin(facts, trace), otherwise),
  };
}

const noArgs: JsonObject = {};
const noFacts: Facts = { args: noArgs, client: noArgs, request: noArgs, nowMs: 0 };

/** Of the call that is being decided: one for all, as this is the data path and never waits. */
const deciding: { -readonly [K in keyof Context]: Context[K] } = {
  ...{ facts: noFacts, key: noArgs, claims: noArgs, trace: undefined },
  ...{ time: undefined, steps: 0, inexact: false, note: undefined, value: undefined },
};

function begun(context: typeof deciding, facts: Facts, key: JsonObject, claims: JsonObject): void {
  context.facts = facts;
  context.key = key;
  context.claims = claims;
  context.time = undefined;
  context.steps = 0;
  context.inexact = false;
  context.note = undefined;
  context.value = undefined;
}

/**
 * What the call before came to: most calls of a key to a tool are told the same, and where every
 * rule says what it said before, so is the decision.
 */
interface Before {
  readonly values: Value[];
  decision: Decision | undefined;
}
const order: readonly Effect[] = ["deny", "ask", "allow"];

function byRank(a: Omit<Candidate, "rank">, b: Omit<Candidate, "rank">): number {
  const effects = order.indexOf(a.effect) - order.indexOf(b.effect);
  return effects !== 0 ? effects : a.rule.ref.id < b.rule.ref.id ? -1 : 1;
}

function isFor(rule: Rule, subject: Subject): boolean {
  const who = rule.who;
  if (who === undefined) return true;
  const { roles, keys } = who;
  if (roles !== undefined && !subject.roles.some((role) => roles.has(role))) return false;
  return keys === undefined || keys(subject.keyName);
}

/** Closed world (P25): an argument that nobody declared or named is not covered by the allow. */
function knownArgs(rule: Rule, target: Target): ReadonlySet<string> | undefined {
  if (rule.ref.effect !== "allow" || rule.otherArgs === "any") return undefined;
  if (rule.otherArgs === "none") return rule.named;
  const others = rule.otherArgs === "declared" ? (target.declared ?? []) : rule.otherArgs;
  return new Set([...rule.named, ...others]);
}

function decide(
  candidates: readonly Candidate[],
  context: Context,
  before: Before,
  otherwise: DefaultCode,
): Decision {
  const { values } = before;
  for (let at = 0; at < candidates.length; at += 1) {
    const result = run(candidates[at]!, context);
    if (result === values[at]) continue;
    values[at] = result;
    before.decision = undefined;
  }
  const { args } = context.facts;
  if (context.steps > limits.policySteps) {
    return conclude(candidates, settle(candidates, values, context), args, otherwise);
  }
  if (before.decision !== undefined) return before.decision;
  const decision = conclude(candidates, values, args, otherwise);
  // The hint of one without a rule names an argument of this call.
  if (decision.rule !== undefined) before.decision = decision;
  return decision;
}

/** A decision that would take too many steps: what has conditions is unknown, in any order. */
function settle(
  candidates: readonly Candidate[],
  results: readonly Value[],
  context: Context,
): readonly Value[] {
  if (context.steps <= limits.policySteps) return results;
  return candidates.map((one) => {
    const conditional = one.rule.when !== undefined || one.rule.unless !== undefined;
    return conditional ? UNKNOWN : run(one, context);
  });
}

/** Target, arguments, `when`, and not `unless`, together. */
function run(candidate: Candidate, context: Context): Value {
  const { when, unless } = candidate.rule;
  let result: Value = candidate.target;
  if (candidate.known !== undefined) {
    result = and(result, checkArgs(candidate.known, context));
    if (result === FALSE && context.trace === undefined) return FALSE;
  }
  if (when !== undefined) result = and(result, part(when, result, context));
  if (unless !== undefined) {
    if (result === FALSE && context.trace === undefined) return FALSE;
    result = and(result, not(part(unless, result, context)));
  }
  return result;
}

function part(condition: Condition, before: Value, context: Context): Value {
  if (before !== FALSE) return evaluate(condition, context);
  aside(condition, context);
  return UNKNOWN;
}

function checkArgs(known: ReadonlySet<string>, context: Context): Value {
  const extra = unknownArg(known, context.facts.args);
  const result: Value = extra === undefined ? TRUE : FALSE;
  context.trace?.push({
    path: "args",
    operator: "other_args",
    result: triName(result),
    ...(extra === undefined ? {} : { note: `${shown(extra)} is neither declared nor named` }),
  });
  return result;
}

function unknownArg(known: ReadonlySet<string>, args: BriefObject): string | undefined {
  if (!isBriefObject(args)) return "arguments";
  for (const name in args) if (!known.has(name)) return name;
  return undefined;
}

function constantValue(candidate: Candidate): Value {
  return candidate.target;
}

function matches(candidate: Candidate, result: Value): boolean {
  return result === TRUE || (result === UNKNOWN && candidate.effect !== "allow");
}

/** From the value of each candidate to the decision. */
function conclude(
  candidates: readonly Candidate[],
  results: readonly Value[],
  args: BriefObject,
  otherwise: DefaultCode,
): Decision {
  const matched: string[] = [];
  let winner: Candidate | undefined;
  let undecided = false;
  for (let at = 0; at < candidates.length; at += 1) {
    const candidate = candidates[at]!;
    if (!matches(candidate, results[at]!)) continue;
    matched.push(candidate.rule.ref.id);
    if (winner !== undefined && candidate.rank > winner.rank) continue;
    winner = candidate;
    undecided = results[at] === UNKNOWN;
  }
  if (winner === undefined) {
    const hint = otherwise === "GW_NO_POLICY" ? noPolicyHint : nearMiss(candidates, args);
    return { effect: "deny", code: otherwise, rule: undefined, undecided, matched, hint };
  }
  const { ref, hint } = winner.rule;
  const shown = ref.effect === "allow" ? undefined : hint;
  const code = codes[ref.effect];
  return { effect: ref.effect, code, rule: ref, undecided, matched, hint: shown };
}

const noPolicyHint = "this gateway has no policy yet: ask its operator to name one in the config";

const codes = { allow: undefined, ask: "GW_ASK", deny: "GW_DENIED" } as const;

/** Nothing matched: what an allow rule for this target would have wanted. */
function nearMiss(candidates: readonly Candidate[], args: BriefObject): string | undefined {
  const ranked = [...candidates].sort((a, b) => a.rank - b.rank);
  const hint = ranked.find((one) => one.rule.hint !== undefined && one.effect === "allow");
  if (hint !== undefined) return hint.rule.hint;
  for (const { known, rule } of ranked) {
    const extra = known && unknownArg(known, args);
    if (extra !== undefined) {
      return `rule ${rule.ref.id} does not take the argument ${shown(extra)}`;
    }
  }
  return undefined;
}

/** A name that the caller chose, fit for a message: printable ASCII, short. */
function shown(name: string): string {
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    if (code < 32 || code > 126) return "with an unusual name";
  }
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 61)}...` : name);
}

/**
 * deny: every call is denied. allow: every call whose arguments the schema declares is allowed.
 * What is not surely denied is shown (P12).
 */
function visibilityOf(candidates: readonly Candidate[], target: Target): Visibility {
  const unconditional = (one: Candidate): boolean =>
    one.rule.when === undefined && one.rule.unless === undefined;
  const deny = candidates.filter((one) => one.effect === "deny");
  // An unknown target is a match for deny as well; of a template it means some of its URIs.
  const some = target.template !== undefined;
  if (deny.some((one) => unconditional(one) && (one.target === TRUE || !some))) return "deny";
  const ask = candidates.filter((one) => one.effect === "ask");
  const allow = candidates.filter((one) => one.effect === "allow" && (one.target === TRUE || some));
  if (ask.length === 0 && allow.length === 0) return "deny";
  if (deny.length > 0 || ask.length > 0) return "depends";
  const declared = target.declared ?? new Set<string>();
  const open = (one: Candidate): boolean =>
    unconditional(one) &&
    one.target === TRUE &&
    (one.known === undefined || (target.declared !== undefined && declared.isSubsetOf(one.known)));
  return allow.some(open) ? "allow" : "depends";
}

function explain(
  candidates: readonly Candidate[],
  begin: (trace: ConditionTrace[]) => Context,
  otherwise: DefaultCode,
): Explanation {
  const results: Value[] = [];
  const traces: ConditionTrace[][] = [];
  let steps = 0;
  let last: Context | undefined;
  for (const candidate of candidates) {
    const trace: ConditionTrace[] = [];
    const context = begin(trace);
    context.steps = steps;
    results.push(run(candidate, context));
    steps = context.steps;
    traces.push(trace);
    last = context;
  }
  const context = last ?? begin([]);
  const settled = settle(candidates, results, { ...context, trace: undefined });
  const decision = conclude(candidates, settled, context.facts.args, otherwise);
  return {
    decision,
    rules: candidates.map((candidate, index) => ({
      rule: candidate.rule.ref,
      result: triName(settled[index]!),
      conditions: traces[index]!,
    })),
  };
}
