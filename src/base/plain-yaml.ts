/**
 * Everyday YAML, read in a millisecond: the full parser takes 40 of them for fifty rules at a cold
 * start. Takes only what has one plain meaning (block and flow collections, one-line scalars) and
 * gives up on everything else, mistakes included: then the full parser reads and words them.
 */

import { scalarOf } from "./plain-scalar.ts";

export type PlainNode = PlainScalar | PlainList | PlainMap;

/** Lines and columns count from 1. */
export interface PlainAt {
  readonly line: number;
  readonly column: number;
}

export interface PlainScalar {
  readonly kind: "scalar";
  readonly at: PlainAt;
  readonly value: string | number | boolean | null;
  /** Without quotes and escapes, numbers as written. */
  readonly source: string;
}

export interface PlainList {
  readonly kind: "list";
  readonly at: PlainAt;
  readonly items: readonly PlainNode[];
}

export interface PlainMap {
  readonly kind: "map";
  readonly at: PlainAt;
  readonly entries: readonly PlainEntry[];
}

export interface PlainEntry {
  readonly key: string;
  readonly at: PlainAt;
  readonly value: PlainNode;
}

/** undefined: not of this subset, or no YAML at all. */
export function readPlainYaml(text: string): PlainNode | undefined {
  if (!isPlainText(text)) return undefined;
  const state: State = { text, pos: 0, line: 1, lineStart: 0, depth: 0 };
  try {
    nextContent(state);
    const node = block(state, -1);
    nextContent(state);
    return state.pos === text.length ? node : undefined;
  } catch (thrown) {
    if (thrown === notPlain) return undefined;
    throw thrown;
  }
}

interface State {
  readonly text: string;
  pos: number;
  line: number;
  lineStart: number;
  depth: number;
}

/** Thrown to get out of the recursion; never leaves this file. */
const notPlain = new Error("not plain YAML");

function giveUp(): never {
  throw notPlain;
}

/** Printable text and line feeds; no tab, no byte order mark, no line that could be a marker. */
function isPlainText(text: string): boolean {
  if (text.startsWith("---") || text.startsWith("...") || text.startsWith("%")) return false;
  if (text.includes("\n---") || text.includes("\n...") || text.includes("\n%")) return false;
  return plainForm.test(text);
}

/** Letters of every script pass; separators, surrogates and specials do not. */
const plainForm = /^[\n -~\u00a0-\u1fff\u2070-\ud7ff]*$/;

/** A block node whose first character is at `pos`, deeper than `parent`. */
function block(state: State, parent: number): PlainNode {
  if (++state.depth > deepest) giveUp();
  const column = state.pos - state.lineStart;
  if (column <= parent || state.pos >= state.text.length) giveUp();
  const node = isDash(state) ? blockList(state, column) : mapOrFlow(state, column, parent);
  state.depth--;
  return node;
}

const deepest = 50;

function mapOrFlow(state: State, column: number, parent: number): PlainNode {
  const first = state.text[state.pos];
  if (first !== "{" && first !== "[") return blockMap(state, column);
  const node = flow(state, parent);
  endLine(state);
  return node;
}

function blockList(state: State, column: number): PlainList {
  const at = here(state);
  const items: PlainNode[] = [];
  for (;;) {
    state.pos++;
    skipSpaces(state);
    items.push(atLineEnd(state) ? below(state, column) : inList(state, column));
    if (!continues(state, column) || !isDash(state)) return { kind: "list", at, items };
  }
}

/** What stands behind a dash: a collection of its own, or one value. */
function inList(state: State, column: number): PlainNode {
  if (isDash(state) || isKey(state)) return block(state, column);
  return inline(state, column);
}

function blockMap(state: State, column: number): PlainMap {
  const at = here(state);
  const entries: PlainEntry[] = [];
  const seen = new Set<string>();
  do {
    const keyAt = here(state);
    const key = keyText(state, false);
    if (seen.has(key)) giveUp();
    seen.add(key);
    state.pos++;
    if (state.text[state.pos] !== " " && state.text[state.pos] !== "\n") giveUp();
    skipSpaces(state);
    const value = atLineEnd(state) ? belowKey(state, column) : inline(state, column);
    entries.push({ key, at: keyAt, value });
  } while (continues(state, column));
  return { kind: "map", at, entries };
}

/** After a key, a list may stand at the key's own column. */
function belowKey(state: State, column: number): PlainNode {
  nextContent(state);
  const same = state.pos - state.lineStart === column && isDash(state);
  return same ? block(state, column - 1) : block(state, column);
}

function below(state: State, column: number): PlainNode {
  nextContent(state);
  return block(state, column);
}

/** Is there another entry at this column? What is deeper would continue a value: not plain. */
function continues(state: State, column: number): boolean {
  nextContent(state);
  if (state.pos >= state.text.length) return false;
  const next = state.pos - state.lineStart;
  if (next > column) giveUp();
  return next === column;
}

/** A value on the line of its key or dash. */
function inline(state: State, parent: number): PlainNode {
  const first = state.text[state.pos];
  if (first === "{" || first === "[") {
    const node = flow(state, parent);
    endLine(state);
    return node;
  }
  const at = here(state);
  const quoted = first === '"' || first === "'";
  const found = quoted ? quotedText(state) : plainText(state, false);
  endLine(state);
  return scalar(at, found, quoted);
}

function scalar(at: PlainAt, source: string, quoted: boolean): PlainScalar {
  if (quoted) return { kind: "scalar", at, value: source, source };
  const value = scalarOf(source);
  if (value === undefined) giveUp();
  return { kind: "scalar", at, value, source };
}

function flow(state: State, parent: number): PlainNode {
  if (++state.depth > deepest) giveUp();
  const at = here(state);
  const isMap = state.text[state.pos] === "{";
  const close = isMap ? "}" : "]";
  const entries: PlainEntry[] = [];
  const items: PlainNode[] = [];
  const seen = new Set<string>();
  state.pos++;
  skipInFlow(state, parent);
  while (state.text[state.pos] !== close || entries.length + items.length > 0) {
    if (isMap) {
      const entry = flowEntry(state, parent);
      if (seen.has(entry.key)) giveUp();
      seen.add(entry.key);
      entries.push(entry);
    } else {
      items.push(flowValue(state, parent));
    }
    skipInFlow(state, parent);
    if (state.text[state.pos] === close) break;
    if (state.text[state.pos] !== ",") giveUp();
    state.pos++;
    skipInFlow(state, parent);
  }
  state.pos++;
  state.depth--;
  return isMap ? { kind: "map", at, entries } : { kind: "list", at, items };
}

function flowEntry(state: State, parent: number): PlainEntry {
  const at = here(state);
  const quoted = state.text[state.pos] === '"';
  const key = keyText(state, true);
  state.pos++;
  // JSON's "key":value; a bare key needs the space.
  if (!quoted && state.text[state.pos] !== " ") giveUp();
  skipSpaces(state);
  return { key, at, value: flowValue(state, parent) };
}

function flowValue(state: State, parent: number): PlainNode {
  const first = state.text[state.pos];
  if (first === "{" || first === "[") return flow(state, parent);
  const at = here(state);
  const quoted = first === '"' || first === "'";
  return scalar(at, quoted ? quotedText(state) : plainText(state, true), quoted);
}

/** A key's text; leaves `pos` at its colon. */
function keyText(state: State, inFlow: boolean): string {
  const first = state.text[state.pos];
  const quoted = first === '"' || first === "'";
  const start = state.pos;
  const key = quoted ? quotedText(state) : plainText(state, inFlow);
  const odd = !quoted && typeof scalarOf(key) !== "string";
  // YAML ends its look for a key's colon after 1024 characters.
  if (odd || key === "<<" || state.text[state.pos] !== ":" || state.pos - start > 500) giveUp();
  return key;
}

function isKey(state: State): boolean {
  const first = state.text[state.pos];
  if (first === "{" || first === "[") return false;
  const before = state.pos;
  if (first === '"' || first === "'") quotedText(state);
  else plainText(state, false);
  const found = state.text[state.pos] === ":";
  state.pos = before;
  return found;
}

function quotedText(state: State): string {
  const { text } = state;
  const quote = text[state.pos];
  const start = state.pos;
  const close = text.indexOf(quote ?? "", start + 1);
  if (close === -1) giveUp();
  const within = text.slice(start + 1, close);
  if (within.includes("\n")) giveUp();
  if (quote === '"' && !within.includes("\\")) {
    state.pos = close + 1;
    return within;
  }
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at];
    if (char === "\n") giveUp();
    if (char === "\\" && quote === '"') at++;
    if (char !== quote) continue;
    state.pos = at + 1;
    return quote === '"' ? unescaped(text.slice(start, at + 1)) : single(text, start, at);
  }
  return giveUp();
}

function single(text: string, start: number, end: number): string {
  // '' within means one quote: rare, and the full parser knows.
  return text[end + 1] === "'" ? giveUp() : text.slice(start + 1, end);
}

/** JSON's escapes mean the same in YAML; YAML's others are left to the full parser. */
function unescaped(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  try {
    const value: unknown = JSON.parse(quoted);
    if (typeof value === "string" && value.isWellFormed()) return value;
  } catch {
    // Not JSON's: given up below.
  }
  return giveUp();
}

/** A bare scalar up to its end, without the spaces behind it. */
function plainText(state: State, inFlow: boolean): string {
  const { text } = state;
  const start = state.pos;
  if (!startsPlain(text, start)) giveUp();
  let at = start;
  for (; ; at++) {
    at = bareEnd(text, at, inFlow);
    const char = text[at];
    if (char === undefined || char === "\n") break;
    if (char === "#" && text[at - 1] === " ") break;
    if (char === ":" && endsKey(text[at + 1], inFlow)) break;
    if (!inFlow) continue;
    if (char === "," || char === "]" || char === "}") break;
    if (char === "[" || char === "{") giveUp();
  }
  if (inFlow && text[at] === "#") giveUp();
  state.pos = at;
  let end = at;
  while (text[end - 1] === " ") end--;
  // `key :` is YAML too, and nobody writes it.
  if (end !== at && text[at] === ":") giveUp();
  return text.slice(start, end);
}

/** The next character that may end a bare scalar. A loop here would be compiled at each start. */
function bareEnd(text: string, from: number, inFlow: boolean): number {
  const form = inFlow ? flowBare : blockBare;
  form.lastIndex = from;
  return form.test(text) ? form.lastIndex : giveUp();
}

const flowBare = /[^\n#:,[\]{}]*/y;
const blockBare = /[^\n#:]*/y;

function endsKey(next: string | undefined, inFlow: boolean): boolean {
  if (next === undefined || next === " " || next === "\n") return true;
  return inFlow && (next === "," || next === "]" || next === "}");
}

function startsPlain(text: string, at: number): boolean {
  const char = text[at] ?? "";
  if (char === "" || "\n ,[]{}#&*!|>'\"%@`?:".includes(char)) return false;
  if (char !== "-") return true;
  const next = text[at + 1] ?? " ";
  return !" \n,[]{}#-:".includes(next);
}

function isDash(state: State): boolean {
  if (state.text[state.pos] !== "-") return false;
  const next = state.text[state.pos + 1];
  return next === " " || next === "\n";
}

function here(state: State): PlainAt {
  return { line: state.line, column: state.pos - state.lineStart + 1 };
}

function skipSpaces(state: State): void {
  while (state.text[state.pos] === " ") state.pos++;
}

function atLineEnd(state: State): boolean {
  const char = state.text[state.pos];
  return char === "\n" || char === undefined || isComment(state);
}

function isComment(state: State): boolean {
  if (state.text[state.pos] !== "#") return false;
  return state.pos === state.lineStart || state.text[state.pos - 1] === " ";
}

/** After a value only a comment may follow. */
function endLine(state: State): void {
  skipSpaces(state);
  if (!atLineEnd(state)) giveUp();
}

/** To the next character that says something, over blank lines and comments. */
function nextContent(state: State): void {
  for (;;) {
    skipSpaces(state);
    if (isComment(state)) {
      const end = state.text.indexOf("\n", state.pos);
      state.pos = end === -1 ? state.text.length : end;
    }
    if (state.text[state.pos] !== "\n") return;
    state.pos++;
    state.line++;
    state.lineStart = state.pos;
  }
}

/** Lines within brackets must be deeper than the block they stand in. */
function skipInFlow(state: State, parent: number): void {
  const { line } = state;
  nextContent(state);
  if (state.line !== line && state.pos - state.lineStart <= parent) giveUp();
}
