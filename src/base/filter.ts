/**
 * The one filter grammar of TUI, CLI and control API (docs/filter.md):
 * `tool:github/* outcome:denied,timeout took:>1s !client:claude "two words"`.
 *
 * Words are ANDed, `!` negates, `,` is OR within one field. A value is looked for inside the
 * field; with `*` or `?` it is the whole field, and `=value` is too. Case does not matter.
 * A plain word is looked for in the fields marked `searched`. Pure, no RegExp: filters arrive over
 * the control API and fields hold foreign text.
 */

import { valueTest } from "./filter-value.ts";
import { limits } from "./limits.ts";
import { nearest } from "./nearest.ts";
import { printable } from "./printable.ts";
import { no, ok, type Result } from "./result.ts";

export interface Field {
  readonly name: string;
  /**
   * text: any text. word: one of `words`. rank: one of `words` or one after it. ms, bytes, count:
   * numbers, compared. age: ms since something happened; `since:10m` is "at most 10 minutes ago".
   */
  readonly kind: "text" | "word" | "rank" | "ms" | "bytes" | "count" | "age";
  readonly words?: readonly string[];
  /** Plain words of a filter are looked for here. */
  readonly searched?: true;
  /** For help: what it holds. */
  readonly doc: string;
}

/** What was not understood, and the index in the text where it stands. */
export interface FilterFault {
  readonly message: string;
  readonly at: number;
}

export interface Filter {
  readonly text: string;
  readonly terms: readonly Term[];
}

interface Term {
  readonly not: boolean;
  /** Names of the fields it looks at; one is enough. */
  readonly fields: readonly string[];
  readonly anyOf: readonly ValueTest[];
}

export type ValueTest = (value: string | number) => boolean;

/** By field name. A field that is null or not there matches nothing (so `!field:*` finds it). */
export type FilterRecord = Readonly<Record<string, string | number | null | undefined>>;

/** An empty text matches everything. */
export function parseFilter(text: string, fields: readonly Field[]): Result<Filter, FilterFault> {
  if (text.length > limits.filterChars) {
    return no({ message: `longer than ${limits.filterChars} characters`, at: limits.filterChars });
  }
  const reader: Reader = { text, at: 0, fields };
  const terms: Term[] = [];
  try {
    for (skipSpace(reader); reader.at < text.length; skipSpace(reader)) {
      if (terms.length === limits.filterTerms) {
        throw new Unfit(`more than ${limits.filterTerms} words`, reader.at);
      }
      terms.push(readTerm(reader));
    }
  } catch (thrown) {
    if (thrown instanceof Unfit) return no({ message: thrown.message, at: thrown.at });
    throw thrown;
  }
  return ok({ text, terms });
}

export function matches(filter: Filter, record: FilterRecord): boolean {
  for (const term of filter.terms) {
    if (holds(term, record) === term.not) return false;
  }
  return true;
}

function holds({ fields, anyOf }: Term, record: FilterRecord): boolean {
  for (const name of fields) {
    const value = Object.hasOwn(record, name) ? record[name] : null;
    if (value === null || value === undefined) continue;
    for (const test of anyOf) if (test(value)) return true;
  }
  return false;
}

interface Reader {
  readonly text: string;
  at: number;
  readonly fields: readonly Field[];
}

/** Ends the parse; caught above. */
class Unfit extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

function skipSpace(reader: Reader): void {
  while (isSpace(reader.text[reader.at])) reader.at += 1;
}

function isSpace(unit: string | undefined): boolean {
  return unit === " " || unit === "\t";
}

function readTerm(reader: Reader): Term {
  const start = reader.at;
  const not = reader.text[start] === "!";
  if (not) reader.at += 1;
  const name = fieldName(reader);
  if (name === undefined) {
    const fields = reader.fields.filter((field) => field.searched).map((field) => field.name);
    return { not, fields, anyOf: [readText(reader, start)] };
  }
  const field = knownField(name, reader);
  reader.at += name.length + 1;
  return { not, fields: [field.name], anyOf: readValues(reader, field) };
}

/** `tool` of `tool:…`; undefined for a plain word, such as `14:02`. */
function fieldName({ text, at }: Reader): string | undefined {
  let end = at;
  while (isNameUnit(text.charCodeAt(end))) end += 1;
  return end > at && text[end] === ":" ? text.slice(at, end) : undefined;
}

function isNameUnit(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
}

function knownField(name: string, { fields, at }: Reader): Field {
  const lower = name.toLowerCase();
  const found = fields.find((field) => field.name === lower);
  if (found !== undefined) return found;
  const names = fields.map((field) => field.name);
  const like = nearest(name, names);
  const hint = like === undefined ? `there are ${names.join(" ")}` : `did you mean ${like}?`;
  throw new Unfit(`no field "${name}": ${hint}`, at);
}

function readText(reader: Reader, start: number): ValueTest {
  const { value, quoted } = readWord(reader, isSpace);
  if (value === "") throw new Unfit("a word is missing here", start);
  return valueTest({ name: "", kind: "text", doc: "" }, inside(value, quoted), quoted).test!;
}

/** A plain word with a glob in it is looked for inside a field all the same. */
function inside(value: string, quoted: boolean): string {
  return !quoted && (value.includes("*") || value.includes("?")) ? `*${value}*` : value;
}

function readValues(reader: Reader, field: Field): readonly ValueTest[] {
  const tests: ValueTest[] = [];
  do {
    if (tests.length > 0) reader.at += 1;
    const start = reader.at;
    const { value, quoted } = readWord(reader, (unit) => unit === "," || isSpace(unit));
    if (value === "" && !quoted) throw new Unfit(`${field.name}: needs a value`, start);
    const { test, fault } = valueTest(field, value, quoted);
    if (test === undefined) throw new Unfit(printable(fault ?? ""), start);
    tests.push(test);
  } while (reader.text[reader.at] === ",");
  return tests;
}

/** Up to `ends`, or from quote to quote: there `\"` is a quote and `\\` a backslash. */
function readWord(
  reader: Reader,
  ends: (unit: string) => boolean,
): { value: string; quoted: boolean } {
  const { text, at: start } = reader;
  if (text[start] !== '"') {
    while (reader.at < text.length && !ends(text[reader.at]!)) reader.at += 1;
    return { value: text.slice(start, reader.at), quoted: false };
  }
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    const next = text[at + 1];
    if (text[at] === "\\" && (next === '"' || next === "\\")) {
      value += next;
      at += 1;
    } else if (text[at] === '"') {
      reader.at = at + 1;
      if (next !== undefined && !ends(next)) throw new Unfit("a space is missing here", at + 1);
      return { value, quoted: true };
    } else value += text[at];
  }
  throw new Unfit("the closing quote is missing", start);
}
