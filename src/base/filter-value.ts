/** What one value of a filter means for its field: `github/*`, `>1s`, `denied`. */

import type { Field, ValueTest } from "./filter.ts";
import { compileGlob } from "./glob.ts";
import { nearest } from "./nearest.ts";

/** The test, or in one sentence why there is none. A quoted value has no globs or comparisons. */
export function valueTest(
  field: Field,
  value: string,
  quoted: boolean,
): { readonly test?: ValueTest; readonly fault?: string } {
  if (field.kind === "text") return textTest(field, value, quoted);
  if (field.kind === "word" || field.kind === "rank") {
    const word = value.toLowerCase();
    const exact = word.startsWith("=");
    return wordTest(field, exact ? word.slice(1) : word, exact || field.kind === "word");
  }
  return numberTest(field, value);
}

function textTest({ name }: Field, value: string, quoted: boolean) {
  const first = value[0];
  // Only where a field was named: plain text may begin with anything.
  if (!quoted && name !== "" && (first === "<" || first === ">")) {
    return { fault: `${name} is text and cannot be compared: write ${name}:"${value}"` };
  }
  if (!quoted && name !== "" && first === "=" && value.length > 1) {
    const whole = value.slice(1).toLowerCase();
    return { test: (shown: string | number) => String(shown).toLowerCase() === whole };
  }
  const wanted = value.toLowerCase();
  if (quoted || !(wanted.includes("*") || wanted.includes("?"))) {
    return { test: (shown: string | number) => String(shown).toLowerCase().includes(wanted) };
  }
  const glob = compileGlob(wanted);
  return { test: (shown: string | number) => glob(String(shown).toLowerCase()) };
}

/** A word that is none would only ever find nothing. */
function wordTest({ name, words = [] }: Field, value: string, exact: boolean) {
  if (value.includes("*") || value.includes("?")) {
    const glob = compileGlob(value);
    return { test: (shown: string | number) => glob(String(shown).toLowerCase()) };
  }
  const rank = words.indexOf(value);
  if (rank !== -1) {
    const holds = (shown: string | number) =>
      exact ? shown === value : words.indexOf(String(shown)) >= rank;
    return { test: holds };
  }
  const like = nearest(value, words);
  const hint = like === undefined ? `there are ${words.join(" ")}` : `did you mean ${like}?`;
  return { fault: `${name} is never "${value}": ${hint}` };
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  "=": (a, b) => a === b,
};

function numberTest(field: Field, value: string) {
  const { name, kind } = field;
  const sign = Object.keys(comparisons).find((one) => value.startsWith(one)) ?? "";
  // A time is hardly ever met to the microsecond.
  if (kind === "ms" && (sign === "" || sign === "=")) {
    return { fault: `${name} needs a comparison: ${name}:>1s` };
  }
  const wanted = amount(value.slice(sign.length), kind);
  if (wanted === undefined) return { fault: `"${value}" is no ${name}: ${examples[kind]}` };
  const holds = comparisons[sign] ?? (kind === "age" ? comparisons["<="]! : comparisons["="]!);
  return { test: (shown: string | number) => typeof shown === "number" && holds(shown, wanted) };
}

const examples: Readonly<Record<string, string>> = {
  ms: "write it as >500ms, >1.5s or <2m",
  bytes: "write it as >100, >1kB or <4MiB",
  count: "write it as 3, >3 or <=10",
  age: "write it as 30s, 10m or 2h",
};

const times = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizes = { "": 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };
const units: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ms: times,
  age: times,
  bytes: sizes,
  count: { "": 1 },
};

/** `1.5s` as 1500; undefined when it is none. */
function amount(text: string, kind: string): number | undefined {
  let digits = 0;
  while (isDigit(text.charCodeAt(digits)) || text[digits] === ".") digits += 1;
  const unit = text.slice(digits).toLowerCase();
  const number = digits === 0 ? Number.NaN : Number(text.slice(0, digits));
  const known = units[kind] ?? {};
  if (number === 0 && unit === "") return 0;
  return Number.isFinite(number) && Object.hasOwn(known, unit) ? number * known[unit]! : undefined;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
