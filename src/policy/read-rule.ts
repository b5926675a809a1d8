/** One rule of a rule file, and the shorthand lists. */

import { compileGlobs } from "../base/glob.ts";
import type { Effect } from "./model.ts";
import * as operand from "./operand.ts";
import { type Mentions, readCondition } from "./read-condition.ts";
import { kindOf, members, problem, quote, type Reader } from "./reader.ts";
import type { OtherArgs, Rule, Who } from "./rule.ts";
import { compileTargets, type TargetGlobs } from "./target.ts";
import { isOf, methodFault, promptFault, resourceFault, toolFault } from "./target-fault.ts";
import type { At, Entry, Node } from "./tree.ts";

export const effects = ["allow", "ask", "deny"] as const;

const targetKeys = ["tools", "resources", "prompts", "methods"] as const;
const ruleKeys = [
  "id",
  "effect",
  ...targetKeys,
  "who",
  "when",
  "unless",
  "other_args",
  "hint",
  "rate",
  "description",
];

const none: TargetGlobs = { tools: [], resources: [], prompts: [], methods: [] };

/** `allow: ["files/read_*"]` is one rule for each tool, with the id `allow:files/read_*`. */
export function readShorthand(effect: Effect, node: Node, reader: Reader): readonly Rule[] {
  const read = (item: Node): Rule | undefined => {
    const glob = operand.patterns(item, reader, toolFault, "tool")?.[0];
    if (item.kind === "list" || glob === undefined) return undefined;
    return {
      ref: { id: `${effect}:${glob}`, effect, file: reader.file, line: item.at.line },
      hint: undefined,
      target: compileTargets({ ...none, tools: [glob] }),
      who: undefined,
      when: undefined,
      unless: undefined,
      otherArgs: "declared",
      named: new Set(),
    };
  };
  const otherwise = effect === "allow" ? ": what nothing allows is denied anyway" : "";
  const unused = `name a tool in it, or leave \`${effect}\` out${otherwise}`;
  return operand.list(node, reader, read, unused) ?? [];
}

/** Undefined when something is wrong, which was told. */
export function readRule(node: Node, reader: Reader): Rule | undefined {
  const before = reader.problems.length;
  const found = members(node, ruleKeys, "A rule", reader);
  if (found === undefined) return undefined;
  const id = readId(node, found.get("id"), reader);
  const effect = readEffect(node, found.get("effect"), reader);
  const globs = readTargets(node.at, found, reader);
  const mentions: Mentions = { args: new Set(), client: undefined };
  const when = found.get("when");
  const unless = found.get("unless");
  const whenCondition = when && readCondition(when.value, reader, mentions);
  const unlessCondition = unless && readCondition(unless.value, reader, mentions);
  const who = readWho(found.get("who"), reader);
  const otherArgs = readOtherArgs(found.get("other_args"), effect, reader);
  const hint = found.get("hint");
  const hintText = hint && operand.string(hint.value, reader);
  const description = found.get("description");
  if (description !== undefined) operand.string(description.value, reader);
  readRate(found.get("rate"), reader);
  if (effect === "allow" && mentions.client !== undefined) {
    problem(
      reader,
      mentions.client.at,
      "An allow rule reads client.*, which callers declare themselves",
      "use who, key.* or claims.*; client.* may stand in deny and ask rules",
    );
  }
  if (reader.problems.length > before || id === undefined || effect === undefined) return undefined;
  return {
    ref: { id, effect, file: reader.file, line: node.at.line },
    hint: hintText,
    target: compileTargets(globs),
    who,
    when: whenCondition,
    unless: unlessCondition,
    otherArgs,
    named: mentions.args,
  };
}

const idCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/** Ids stand in receipts, logs and filters: short and without characters that need quoting. */
export function checkId(node: Node, reader: Reader): string | undefined {
  const id = operand.string(node, reader);
  if (id === undefined) return undefined;
  if (id.length <= 64 && isOf(id, idCharacters)) return id;
  return problem(reader, node.at, `The id ${quote(id)} is not of the form [A-Za-z0-9._-]{1,64}`);
}

function readId(node: Node, entry: Entry | undefined, reader: Reader): string | undefined {
  if (entry !== undefined) return checkId(entry.value, reader);
  return problem(reader, node.at, "The rule has no id", "add `id: NAME`: receipts name it");
}

function readEffect(node: Node, entry: Entry | undefined, reader: Reader): Effect | undefined {
  if (entry === undefined) {
    return problem(reader, node.at, "The rule has no effect", "add `effect: allow`, ask or deny");
  }
  return operand.choice(entry.value, effects, "effect", reader) as Effect | undefined;
}

function readTargets(at: At, found: ReadonlyMap<string, Entry>, reader: Reader): TargetGlobs {
  if (!targetKeys.some((key) => found.has(key))) {
    const fix = 'add `tools: [server/tool]`; `methods: ["*"]` is everything';
    problem(reader, at, "The rule says nothing of what it is about", fix);
    return none;
  }
  const read = (key: keyof TargetGlobs, fault: (glob: string) => string | undefined) => {
    const entry = found.get(key);
    if (entry === undefined) return [];
    const one = (item: Node) => operand.patterns(item, reader, fault, key.slice(0, -1))?.[0];
    return operand.list(entry.value, reader, one) ?? [];
  };
  return {
    tools: read("tools", toolFault),
    resources: read("resources", resourceFault),
    prompts: read("prompts", promptFault),
    methods: read("methods", methodFault),
  };
}

const roleNames = ["executor", "viewer", "operator", "admin"];

function readWho(entry: Entry | undefined, reader: Reader): Who | undefined {
  if (entry === undefined) return undefined;
  const found = members(entry.value, ["roles", "keys"], "who", reader);
  if (found === undefined) return undefined;
  if (found.size === 0) {
    const fix = "give roles or keys, or leave who out: then the rule is for everyone";
    return problem(reader, entry.value.at, "who names nobody", fix);
  }
  const roles = found.get("roles");
  const keys = found.get("keys");
  const roleList = roles && operand.choices(roles.value, roleNames, "role", reader);
  const keyGlob = (item: Node) => operand.patterns(item, reader, () => undefined, "key")?.[0];
  const keyList = keys && operand.list(keys.value, reader, keyGlob);
  return {
    roles: roleList && new Set(roleList),
    keys: keyList && compileGlobs(keyList),
  };
}

function readOtherArgs(
  entry: Entry | undefined,
  effect: Effect | undefined,
  reader: Reader,
): OtherArgs {
  if (entry === undefined) return "declared";
  if (effect !== undefined && effect !== "allow") {
    const fix = "deny and ask match whatever other arguments there are";
    problem(reader, entry.at, `other_args is for allow rules, this is ${effect}`, fix);
  }
  if (entry.value.kind === "list") {
    return new Set(operand.list(entry.value, reader, (item) => operand.string(item, reader)));
  }
  const known = ["declared", "none", "any"];
  return (operand.choice(entry.value, known, "other_args", reader) ?? "none") as OtherArgs;
}

/** The shape is checked, then refused: a limit that is written down but not kept is unsafe. */
function readRate(entry: Entry | undefined, reader: Reader): void {
  if (entry === undefined) return;
  problem(reader, entry.at, "Rate limits are not in this version", "take `rate` out of the rule");
  const found = members(entry.value, ["limit", "per", "by"], "rate", reader);
  const limit = found?.get("limit");
  if (limit !== undefined) operand.count(limit.value, reader);
  const per = found?.get("per");
  if (per !== undefined && !isDuration(per.value)) {
    const fix = "write it as 500ms, 30s, 5m, 24h or 90d";
    problem(reader, per.value.at, `A duration is wanted, this is ${kindOf(per.value)}`, fix);
  }
  const by = found?.get("by");
  if (by !== undefined) operand.choice(by.value, ["key", "tool", "server"], "by", reader);
}

function isDuration(node: Node): boolean {
  if (node.kind !== "scalar" || typeof node.value !== "string") return false;
  const unit = ["ms", "s", "m", "h", "d"].find((one) => String(node.value).endsWith(one));
  const digits = unit === undefined ? "" : node.value.slice(0, -unit.length);
  return digits !== "" && [...digits].every((digit) => digit >= "0" && digit <= "9");
}
