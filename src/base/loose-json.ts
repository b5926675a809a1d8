/** JSON as people keep it in files of editors: with comments, and a comma too many. */

/** Throws an Error with line and column of what is wrong. */
export function parseLooseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Comments, or a mistake.
  }
  const plain = plainJson(text);
  try {
    return JSON.parse(plain);
  } catch (thrown) {
    const fault = firstFault(plain);
    if (fault === undefined) throw thrown;
    const before = plain.slice(0, fault.at).split("\n");
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    throw new Error(`it is no JSON at ${place}: ${fault.wanted} is wanted there`);
  }
}

/** The same with spaces for what JSON does not have: places and texts stay. */
export function plainJson(text: string): string {
  const bare = text.startsWith("\ufeff") ? ` ${text.slice(1)}` : text;
  const plain = bare.replace(
    /"(?:[^"\\]|\\[\s\S])*"?|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g,
    (found) => (found.startsWith('"') ? found : found.replace(/[^\n]/g, " ")),
  );
  return plain.replace(/"(?:[^"\\]|\\[\s\S])*"?|,(?=\s*[}\]])/g, (found) =>
    found === "," ? " " : found,
  );
}

type State = "value" | "item" | "key" | "member" | ":" | "after";

const token = new RegExp(
  [
    /"(?:[^"\\\t\n\r]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/,
    /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/,
    /true|false|null|[{}[\],:]/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "y",
);

/** Engines do not say where, or each in its own words. */
function firstFault(text: string): { at: number; wanted: string } | undefined {
  const open: string[] = [];
  let state: State = "value";
  for (let at = 0; ; at = token.lastIndex) {
    while (" \t\r\n".includes(text[at] ?? "x")) at += 1;
    token.lastIndex = at;
    const word = token.exec(text)?.[0];
    if (word === undefined && at === text.length && state === "after" && open.length === 0) {
      return undefined;
    }
    const inside = open.at(-1);
    const next: State | undefined = word === undefined ? undefined : step(state, word, open);
    if (next === undefined) return { at, wanted: wantedIn(state, inside) };
    state = next;
  }
}

/** undefined: the word does not belong there. `open`: brackets around it, changed here. */
function step(state: State, word: string, open: string[]): State | undefined {
  const close = word === "}" ? "{" : word === "]" ? "[" : undefined;
  if (close !== undefined) {
    const mayEnd = state === "after" || state === (close === "{" ? "member" : "item");
    return mayEnd && open.pop() === close ? "after" : undefined;
  }
  if (state === ":") return word === ":" ? "value" : undefined;
  if (state === "key" || state === "member") return word.startsWith('"') ? ":" : undefined;
  if (state === "after") {
    if (word !== "," || open.length === 0) return undefined;
    return open.at(-1) === "{" ? "key" : "value";
  }
  if (word === "," || word === ":") return undefined;
  if (word !== "{" && word !== "[") return "after";
  open.push(word);
  return word === "{" ? "member" : "item";
}

function wantedIn(state: State, inside: string | undefined): string {
  if (state === ":") return "a colon";
  if (state === "key" || state === "member") return "a name in double quotes";
  if (state === "value" || state === "item") return "a value";
  if (inside === undefined) return "the end";
  return inside === "{" ? "a comma or }" : "a comma or ]";
}
