/**
 * Globs: `*` any run of characters, `?` one character (code point), all else stands for itself,
 * byte for byte. Linear in the text for the usual forms, at worst text × longest literal run.
 */

export type Matcher = (text: string) => boolean;

export function compileGlob(pattern: string): Matcher {
  const star = pattern.indexOf("*");
  if (pattern.includes("?")) return (text) => globMatches(pattern, text);
  if (star === -1) return (text) => text === pattern;
  if (star === pattern.length - 1) {
    const prefix = pattern.slice(0, -1);
    return (text) => text.startsWith(prefix);
  }
  if (star === 0 && pattern.lastIndexOf("*") === 0) {
    const suffix = pattern.slice(1);
    return (text) => text.endsWith(suffix);
  }
  return (text) => globMatches(pattern, text);
}

/** Any of several; a single one without the loop. */
export function compileGlobs(patterns: readonly string[]): Matcher {
  if (patterns.length === 0) return matchesNone;
  const matchers = patterns.map(compileGlob);
  const only = matchers[0];
  if (only !== undefined && matchers.length === 1) return only;
  return (text) => {
    for (const matches of matchers) if (matches(text)) return true;
    return false;
  };
}

const matchesNone: Matcher = () => false;

/** Goes back to the last star only: what came before it is matched for good. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let afterStar = -1;
  let retry = 0;
  while (t < text.length) {
    const wanted = p < pattern.length ? pattern[p] : undefined;
    if (wanted === "*") {
      afterStar = ++p;
      retry = t;
    } else if (wanted === "?") {
      p += 1;
      t += width(text, t);
    } else if (wanted === text[t]) {
      p += 1;
      t += 1;
    } else if (afterStar !== -1) {
      retry += width(text, retry);
      p = afterStar;
      t = retry;
    } else return false;
  }
  while (pattern[p] === "*") p += 1;
  return p === pattern.length;
}

/** Code units of the character at index. */
function width(text: string, index: number): 1 | 2 {
  const code = text.charCodeAt(index);
  return code >= 0xd800 && code < 0xdc00 && index + 1 < text.length ? 2 : 1;
}
