/**
 * A second, naive reading of "Policy (native YAML)" in the interface description: no preparation,
 * no shortcuts, nothing shared with src/policy but the Json type. It works on the document as data.
 */

import type { Json, JsonObject } from "../../src/base/json.ts";

export type Truth = "T" | "F" | "U";
export type Doc = { readonly [key: string]: Json };

export interface World {
  readonly tool: string;
  readonly declared: readonly string[] | undefined;
  readonly args: JsonObject;
  readonly inexact: boolean;
  readonly key: { readonly id: string; readonly name: string; readonly roles: readonly string[] };
  readonly claims: JsonObject;
  readonly client: JsonObject;
  readonly hour: number;
}

export function oracle(docs: readonly Doc[], world: World): string {
  let asked = false;
  let allowed = false;
  for (const rule of docs.flatMap(rulesOf)) {
    const truth = ruleTruth(rule, world);
    if (rule["effect"] === "deny" && truth !== "F") return "deny GW_DENIED";
    if (rule["effect"] === "ask" && truth !== "F") asked = true;
    if (rule["effect"] === "allow" && truth === "T") allowed = true;
  }
  return asked ? "ask GW_ASK" : allowed ? "allow" : "deny GW_NO_RULE";
}

/** Shorthand is one rule without conditions for each list. */
function rulesOf(doc: Doc): Doc[] {
  const rules: Doc[] = [...((doc["rules"] ?? []) as readonly Doc[])];
  for (const effect of ["allow", "ask", "deny"]) {
    if (doc[effect] !== undefined) rules.push({ effect, tools: doc[effect] });
  }
  return rules;
}

function ruleTruth(rule: Doc, world: World): Truth {
  const tools = (rule["tools"] ?? []) as readonly string[];
  const methods = (rule["methods"] ?? []) as readonly string[];
  const about =
    tools.some((one) => glob([...one], [...world.tool])) ||
    methods.some((one) => glob([...one], [..."tools/call"]));
  if (!about) return "F";
  const who = (rule["who"] ?? {}) as { roles?: readonly string[]; keys?: readonly string[] };
  if (who.roles && !who.roles.some((role) => world.key.roles.includes(role))) return "F";
  if (who.keys && !who.keys.some((one) => glob([...one], [...world.key.name]))) return "F";
  const truths: Truth[] = [];
  if (rule["when"] !== undefined) truths.push(mapTruth(rule["when"] as Doc, world));
  if (rule["unless"] !== undefined) truths.push(negate(mapTruth(rule["unless"] as Doc, world)));
  if (rule["effect"] === "allow") truths.push(otherArgs(rule, world));
  return every(truths);
}

function otherArgs(rule: Doc, world: World): Truth {
  const setting = rule["other_args"] ?? "declared";
  if (setting === "any") return "T";
  const known: string[] = [...mentioned(rule["when"]), ...mentioned(rule["unless"])];
  if (setting === "declared") known.push(...(world.declared ?? []));
  if (Array.isArray(setting)) known.push(...(setting as string[]));
  return Object.keys(world.args).every((name) => known.includes(name)) ? "T" : "F";
}

/** Top-level argument names in the paths of a condition. */
function mentioned(condition: Json | undefined): string[] {
  if (condition === undefined || condition === null || typeof condition !== "object") return [];
  if (Array.isArray(condition)) return condition.flatMap(mentioned);
  return Object.entries(condition).flatMap(([key, inner]) => {
    if (["any", "all", "not"].includes(key)) return mentioned(inner);
    const match = /^args\.([a-z]+)/.exec(key);
    return match ? [match[1]!] : [];
  });
}

function mapTruth(map: Doc, world: World): Truth {
  return every(
    Object.entries(map).map(([key, inner]) => {
      if (key === "not") return negate(mapTruth(inner as Doc, world));
      if (key === "all") return every((inner as readonly Doc[]).map((one) => mapTruth(one, world)));
      if (key === "any") {
        // De Morgan: any of them is not all of their opposites.
        const opposites = (inner as readonly Doc[]).map((one) => negate(mapTruth(one, world)));
        return negate(every(opposites));
      }
      const tests = Object.entries(inner as Doc);
      return every(tests.map(([name, operand]) => pathTruth(key, name, operand, world)));
    }),
  );
}

type Found =
  | { readonly state: "value"; readonly value: Json }
  | { readonly state: "absent" }
  | { readonly state: "odd" };

function pathTruth(path: string, operator: string, operand: Json, world: World): Truth {
  const optional = path.endsWith("?");
  const parts = path.replace("?", "").replaceAll("[*]", ".[*]").split(".");
  const roots: Record<string, Json> = {
    args: world.args,
    key: world.key,
    claims: world.claims,
    client: world.client,
    time: { hour: world.hour },
  };
  const found = lookUp(roots[parts[0]!]!, parts.slice(1), parts[0] === "args");
  return every(
    found.map((one) => {
      if (one.state === "odd") return "U";
      if (one.state === "absent") {
        if (operator === "exists") return operand === false ? "T" : "F";
        if (operator === "absent") return operand === true ? "T" : "F";
        return optional ? "T" : "U";
      }
      const inexact = world.inexact && parts[0] === "args";
      return operatorTruth(operator, operand, one.value, inexact);
    }),
  );
}

/** Every place a path leads to; an empty array under [*] leads to one absent place. */
function lookUp(value: Json, parts: readonly string[], twins: boolean): Found[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [{ state: "value", value }];
  if (part === "[*]") {
    if (!Array.isArray(value)) return [{ state: "odd" }];
    if (value.length === 0) return [{ state: "absent" }];
    return value.flatMap((one) => lookUp(one, rest, twins));
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return [{ state: "odd" }];
  const others = Object.keys(value).filter((key) => key !== part);
  // P2, P3: a server could take the other key for the one that the rule reads.
  if (twins && others.some((key) => twin(key, part))) return [{ state: "odd" }];
  if (!Object.keys(value).includes(part)) return [{ state: "absent" }];
  return lookUp((value as JsonObject)[part]!, rest, twins);
}

/** Readings of a key: without what cannot be seen, or what stands before a NUL. */
function twin(key: string, name: string): boolean {
  const unseen = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{White_Space}]/gu;
  const plain = (text: string): string => {
    const letters = [...text.replace(unseen, "").normalize("NFKC")];
    return letters
      .map((one) => one.toUpperCase().toLowerCase())
      .join("")
      .replace(unseen, "");
  };
  return [key, key.split("\0")[0]!].some((reading) => plain(reading) === plain(name));
}

function operatorTruth(operator: string, operand: Json, actual: Json, inexact: boolean): Truth {
  const list = (Array.isArray(operand) ? operand : [operand]) as readonly Json[];
  const texts = list as readonly string[];
  const bound = operand as number;
  switch (operator) {
    case "eq":
    case "one_of":
      return member(list, actual, inexact);
    case "ne":
    case "none_of":
      return negate(member(list, actual, inexact));
    case "lt":
      return number(actual, inexact, (value) => value < bound);
    case "lte":
      return number(actual, inexact, (value) => value < bound || value === bound);
    case "gt":
      return number(actual, inexact, (value) => value > bound);
    case "gte":
      return number(actual, inexact, (value) => value > bound || value === bound);
    case "glob":
      return text(actual, (value) => texts.some((one) => glob([...one], [...value])));
    case "starts_with":
      return text(actual, (value) => texts.some((one) => value.slice(0, one.length) === one));
    case "ends_with":
      return text(actual, (value) => texts.some((one) => [...value].join("").endsWith(one)));
    case "contains":
    case "contains_any":
      return text(actual, (value) => texts.some((one) => value.split(one).length > 1));
    case "path":
      return typeof actual === "string" ? pathMatch(texts, actual) : "U";
    case "cidr":
      return typeof actual === "string" ? cidr(texts, actual) : "U";
    case "length":
      return text(actual, (value) => [...value].length === bound);
    case "min_length":
      return text(actual, (value) => [...value].length >= bound);
    case "max_length":
      return text(actual, (value) => [...value].length <= bound);
    case "min_items":
      return Array.isArray(actual) ? truth(actual.length >= bound) : "U";
    case "max_items":
      return Array.isArray(actual) ? truth(actual.length <= bound) : "U";
    case "keys_only":
      if (typeName(actual) !== "object") return "U";
      return truth(Object.keys(actual as JsonObject).every((key) => texts.includes(key)));
    case "type": {
      if (texts.includes(typeName(actual))) return "T";
      if (!texts.includes("integer") || typeof actual !== "number") return "F";
      return inexact ? "U" : truth(actual % 1 === 0);
    }
    case "exists":
      return truth(operand === true);
    case "absent":
      return truth(operand === false);
    default:
      throw new Error(`the oracle does not know ${operator}`);
  }
}

function member(list: readonly Json[], actual: Json, inexact: boolean): Truth {
  if (!list.some((one) => typeName(one) === typeName(actual))) return "U";
  if (typeof actual === "number" && inexact) return "U";
  return truth(list.some((one) => one === actual));
}

function number(actual: Json, inexact: boolean, holds: (value: number) => boolean): Truth {
  return typeof actual !== "number" || inexact ? "U" : truth(holds(actual));
}

function text(actual: Json, holds: (value: string) => boolean): Truth {
  return typeof actual === "string" ? truth(holds(actual)) : "U";
}

/** As it stands and decoded once must agree; relative, NUL, backslash, %% and %25xx are unknown. */
function pathMatch(patterns: readonly string[], actual: string): Truth {
  const readings = [actual];
  try {
    readings.push(decodeURIComponent(actual));
  } catch {
    return "U";
  }
  if (/%[0-9a-fA-F]{2}/.test(readings[1]!)) return "U";
  const answers = readings.map((reading): Truth => {
    if (!reading.startsWith("/") || /[\0\\]/.test(reading)) return "U";
    const plain: string[] = [];
    for (const segment of reading.split("/")) {
      if (segment === "..") plain.pop();
      else if (segment !== "." && segment !== "") plain.push(segment);
    }
    return truth(
      patterns.some((one) =>
        segments(
          one.split("/").filter((s) => s !== ""),
          plain,
        ),
      ),
    );
  });
  return answers[0] === answers[1] ? answers[0]! : "U";
}

function segments(pattern: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first === "**") {
    return segments(rest, path) || (path.length > 0 && segments(pattern, path.slice(1)));
  }
  return path.length > 0 && glob([...first], [...path[0]!]) && segments(rest, path.slice(1));
}

function cidr(ranges: readonly string[], actual: string): Truth {
  const value = v4(actual);
  if (value === undefined) return "U";
  return truth(
    ranges.some((range) => {
      const [base, bits = "32"] = range.split("/");
      const size = 2 ** (32 - Number(bits));
      return Math.floor(value / size) === Math.floor(v4(base!)! / size);
    }),
  );
}

function v4(of: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(of)) return undefined;
  const octets = of.split(".").map(Number);
  return octets.every((octet) => octet < 256)
    ? octets.reduce((sum, octet) => sum * 256 + octet, 0)
    : undefined;
}

function glob(pattern: readonly string[], of: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return of.length === 0;
  if (first === "*") return glob(rest, of) || (of.length > 0 && glob(pattern, of.slice(1)));
  return of.length > 0 && (first === "?" || first === of[0]) && glob(rest, of.slice(1));
}

function typeName(of: Json): string {
  return of === null ? "null" : Array.isArray(of) ? "array" : typeof of;
}

function truth(of: boolean): Truth {
  return of ? "T" : "F";
}

function negate(of: Truth): Truth {
  return of === "T" ? "F" : of === "F" ? "T" : "U";
}

function every(of: readonly Truth[]): Truth {
  return of.includes("F") ? "F" : of.includes("U") ? "U" : "T";
}
