/** The schema's issues as problems with places and words. */

import { nearest } from "../base/nearest.ts";
import { printable } from "../base/printable.ts";
import type { Form, Issue, KeyInfo } from "./config-form.ts";
import { type ConfigPath, type ConfigProblem, pathText } from "./config-problem.ts";
import { configSchema } from "./config-schema.ts";
import type { ConfigSource } from "./config-source.ts";

export function problemsOf(issues: readonly Issue[], source: ConfigSource): ConfigProblem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, [], source));
}

function problemsOfIssue(issue: Issue, above: ConfigPath, source: ConfigSource): ConfigProblem[] {
  const path = [...above, ...issue.path];
  if (issue.code === "invalid_union") {
    return likeliest(issue.errors).flatMap((inner) => problemsOfIssue(inner, path, source));
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...path, key], key, path, source));
  }
  const is = issue.code === "custom" ? issue.message : wordsOfType(issue);
  return [wrongValue(path, is, source)];
}

/** Of the forms a value could have, the one it resembles: where the fault lies deepest. */
function likeliest(forms: readonly (readonly Issue[])[]): readonly Issue[] {
  const isForm = (issues: readonly Issue[]) =>
    !issues.some((issue) => issue.path.length === 0 && issue.code === "invalid_type");
  return (
    forms.find((issues) => issues.length > 0 && isForm(issues) && issues[0]!.path.length > 0) ??
    forms.find(isForm) ??
    forms[0] ??
    []
  );
}

function wordsOfType(issue: Issue): string {
  if (issue.code !== "invalid_type") return "something else";
  if (issue.expected === "array") return "a list";
  return issue.expected === "record" || issue.expected === "object" ? "keys with values" : "text";
}

function wrongValue(path: ConfigPath, is: string, source: ConfigSource): ConfigProblem {
  const name = pathText(path);
  const at = { file: source.file, ...source.place(path) };
  const info = infoOf(schemaAt(configSchema, path) ?? configSchema);
  if (info?.later === true) {
    const fix = `remove "${name}"`;
    return { code: "GW_CONFIG", message: `"${name}" is not in this version`, ...at, fix };
  }
  const shown = valueWords(path, source);
  const message = `"${name === "" ? "the config" : name}" must be ${is}, but ${shown}`;
  return { code: "GW_CONFIG", message, ...at };
}

/** The value as written in the file: what it expands to may be secret, and so may these be. */
function valueWords(path: ConfigPath, source: ConfigSource): string {
  const written = source.written(path);
  if (written === undefined) {
    const node = nodeAt(source.tree, path);
    if (Array.isArray(node)) return "is a list";
    return node === null || node === undefined ? "has no value" : "has keys of its own";
  }
  const secret = path.some((step) => step === "headers" || step === "env" || step === "database");
  if (secret) return "is something else";
  return `is "${printable(written.slice(0, 80))}"`;
}

function nodeAt(tree: unknown, path: ConfigPath): unknown {
  let node = tree;
  for (const step of path) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, step)) return undefined;
    node = (node as Record<string | number, unknown>)[step];
  }
  return node;
}

function unknownKey(
  path: ConfigPath,
  key: string,
  parent: ConfigPath,
  source: ConfigSource,
): ConfigProblem {
  const known = keysAt(parent);
  const like = nearest(key, known);
  const where = parent.length === 0 ? "" : ` in "${printable(pathText(parent))}"`;
  const hint = like === undefined ? "" : `: did you mean "${like}"?`;
  return {
    code: "GW_CONFIG",
    message: `The key "${printable(key)}" is not known${where}${hint}`,
    file: source.file,
    ...source.keyPlace(path),
    fix: like === undefined ? `remove it; known here are ${known.join(", ")}` : `write ${like}`,
  };
}

function keysAt(path: ConfigPath): string[] {
  const schema = schemaAt(configSchema, path);
  if (schema === undefined) return [];
  const all = Object.entries(shapeOf(schema) ?? {});
  const offered = all.filter(([, form]) => infoOf(form)?.later !== true);
  return offered.map(([name]) => name);
}

/** The schema of a path; in a choice of forms the one with keys, else the first with words. */
function schemaAt(root: Form, path: ConfigPath): Form | undefined {
  let schema: Form | undefined = root;
  for (const step of path) {
    if (schema === undefined) return undefined;
    schema = stepInto(schema, step);
  }
  return schema;
}

function stepInto(schema: Form, step: string | number): Form | undefined {
  for (const form of formsOf(schema)) {
    if (form.type === "object" && Object.hasOwn(form.shape, step)) return form.shape[step];
    if (form.type === "record") return form.valueType;
    if (form.type === "array" && typeof step === "number") return form.element;
  }
  return undefined;
}

function shapeOf(schema: Form): Readonly<Record<string, Form>> | undefined {
  for (const form of formsOf(schema)) {
    if (form.type === "object") return form.shape;
  }
  return undefined;
}

/** A choice as its members. */
export function formsOf(schema: Form): readonly Form[] {
  return schema.type === "union" ? schema.options.flatMap((one) => formsOf(one)) : [schema];
}

export function infoOf(form: Form): KeyInfo | undefined {
  return form.type === "value" ? form.info : undefined;
}
