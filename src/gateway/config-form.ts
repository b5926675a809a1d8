/**
 * The forms a config's values may have, as data that both the check and docs/config.md read. Own
 * code and not zod, whose loading takes 5 ms of a start.
 */

/** What docs and messages know of a key. */
export interface KeyInfo {
  /** What a value is: `a duration like 30s`. Goes after "must be". */
  readonly is: string;
  /** As a person would write it; undefined: required or none. */
  readonly default?: string;
  readonly doc: string;
  /** Accepted by nobody yet: the issue says "not in this version". */
  readonly later?: true;
}

export type Step = string | number;

export type Issue = { readonly path: readonly Step[] } & (
  | { readonly code: "custom"; readonly message: string }
  | { readonly code: "invalid_type"; readonly expected: "array" | "record" | "object" }
  | { readonly code: "unrecognized_keys"; readonly keys: readonly string[] }
  | { readonly code: "invalid_union"; readonly errors: readonly (readonly Issue[])[] }
);

export type Form =
  | { readonly type: "value"; readonly info: KeyInfo; read(input: unknown): unknown }
  | { readonly type: "object"; readonly shape: Readonly<Record<string, Form>> }
  | { readonly type: "record"; readonly valueType: Form }
  | { readonly type: "array"; readonly element: Form }
  | { readonly type: "union"; readonly options: readonly Form[] }
  | { readonly type: "unknown" };

/** The type of what a form reads; a phantom, never there at run time. */
declare const reads: unique symbol;
export type Typed<T> = Form & { readonly [reads]?: T };
export type Infer<F> = F extends { readonly [reads]?: infer T } ? T : never;

type Shape = Readonly<Record<string, Typed<unknown>>>;
type Keys<S extends Shape> = { readonly [K in keyof S]?: Infer<S[K]> | undefined };

/** `read` gives undefined for what is not of this form. */
export function value<T>(info: KeyInfo, read: (input: unknown) => T | undefined): Typed<T> {
  return { type: "value", info, read };
}

/** Every key may be left out, and no other may be there. */
export function object<const S extends Shape>(shape: S): Typed<Keys<S>> {
  return { type: "object", shape };
}

export function record<T>(valueType: Typed<T>): Typed<Readonly<Record<string, T | undefined>>> {
  return { type: "record", valueType };
}

export function array<T>(element: Typed<T>): Typed<readonly (T | undefined)[]> {
  return { type: "array", element };
}

/** The first form that fits. */
export function union<A, B>(options: readonly [Typed<A>, Typed<B>]): Typed<A | B> {
  return { type: "union", options };
}

export function unknown(): Typed<unknown> {
  return { type: "unknown" };
}

/** What `tree` says under the form, or everything that does not fit. Absent is undefined. */
export function readForm<T>(
  form: Typed<T>,
  tree: unknown,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: Issue[] } {
  const issues: Issue[] = [];
  const found = walk(form, tree, [], issues);
  return issues.length === 0 ? { ok: true, value: found as T } : { ok: false, issues };
}

function walk(form: Form, input: unknown, path: readonly Step[], issues: Issue[]): unknown {
  if (form.type === "unknown") return input;
  if (form.type === "value") {
    const found = form.read(input);
    if (found === undefined) issues.push({ code: "custom", message: form.info.is, path });
    return found;
  }
  if (form.type === "union") return walkUnion(form.options, input, path, issues);
  if (form.type === "array") {
    if (!Array.isArray(input)) return wrongType("array", path, issues);
    return input.map((item, at) => optional(form.element, item, [...path, at], issues));
  }
  if (!isTree(input)) return wrongType(form.type, path, issues);
  return form.type === "record"
    ? walkRecord(form.valueType, input, path, issues)
    : walkObject(form.shape, input, path, issues);
}

/** Absent fits every form within another. */
function optional(form: Form, input: unknown, path: readonly Step[], issues: Issue[]): unknown {
  return input === undefined ? undefined : walk(form, input, path, issues);
}

function wrongType(expected: "array" | "record" | "object", path: readonly Step[], all: Issue[]) {
  all.push({ code: "invalid_type", expected, path });
  return undefined;
}

function walkRecord(form: Form, input: Tree, path: readonly Step[], issues: Issue[]): unknown {
  const found: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(input)) {
    found[key] = optional(form, input[key], [...path, key], issues);
  }
  return found;
}

function walkObject(
  shape: Readonly<Record<string, Form>>,
  input: Tree,
  path: readonly Step[],
  issues: Issue[],
): unknown {
  const found: Record<string, unknown> = Object.create(null);
  for (const [key, form] of Object.entries(shape)) {
    if (!Object.hasOwn(input, key)) continue;
    found[key] = optional(form, input[key], [...path, key], issues);
  }
  const keys = Object.keys(input).filter((key) => !Object.hasOwn(shape, key));
  if (keys.length > 0) issues.push({ code: "unrecognized_keys", keys, path });
  return found;
}

/** Paths within a choice count from the choice. */
function walkUnion(
  forms: readonly Form[],
  input: unknown,
  path: readonly Step[],
  issues: Issue[],
): unknown {
  const errors: Issue[][] = [];
  for (const form of forms) {
    const wrong: Issue[] = [];
    const found = walk(form, input, [], wrong);
    if (wrong.length === 0) return found;
    errors.push(wrong);
  }
  issues.push({ code: "invalid_union", errors, path });
  return undefined;
}

type Tree = Readonly<Record<string, unknown>>;

function isTree(input: unknown): input is Tree {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}
