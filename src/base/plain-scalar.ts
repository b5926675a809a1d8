/** What a bare YAML word means under the core schema: only where nobody could doubt it. */

/** undefined: it may be a number or word of YAML that is rare; a full parser knows. */
export function scalarOf(source: string): string | number | boolean | null | undefined {
  const word = words.get(source);
  if (word !== undefined) return word;
  const first = source[0] ?? "";
  if (source === "null" || source === "~") return null;
  if (first === "" || source === "=") return undefined;
  if ("+-.0123456789".includes(first)) return number(source);
  return oddWords.has(source.toLowerCase()) ? undefined : source;
}

const words: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["false", false],
]);

/** Also as `True`, `NULL` and the like. */
const oddWords: ReadonlySet<string> = new Set(["null", "true", "false", "<<"]);

function number(source: string): number | string | undefined {
  const digits = source.startsWith("-") ? source.slice(1) : source;
  if (isDigits(digits) && digits.length <= 15 && (digits === "0" || digits[0] !== "0")) {
    return source === "-0" ? undefined : Number(source);
  }
  // One letter that no number has makes it text: 30s, 4MiB, 127.0.0.1:80.
  for (const char of source) {
    if (!"0123456789+-.eExXoabcdefABCDEF_infINFN".includes(char)) return source;
  }
  return undefined;
}

function isDigits(text: string): boolean {
  if (text === "") return false;
  for (const char of text) if (char < "0" || char > "9") return false;
  return true;
}
