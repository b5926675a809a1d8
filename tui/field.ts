/** One line of text being typed: for the filter and for commands. */

export interface Field {
  readonly text: string;
  /** Index in code units where the next character goes. */
  readonly at: number;
}

export function fieldOf(text: string): Field {
  return { text, at: text.length };
}

/** The field after a key; undefined when the key is not one of editing. */
export function edit(field: Field, key: string): Field | undefined {
  const { text, at } = field;
  switch (key) {
    case "left":
      return { text, at: before(text, at) };
    case "right":
      return { text, at: after(text, at) };
    case "home":
    case "ctrl-a":
      return { text, at: 0 };
    case "end":
    case "ctrl-e":
      return { text, at: text.length };
    case "backspace":
      return cut(field, before(text, at), at);
    case "delete":
      return cut(field, at, after(text, at));
    case "ctrl-u":
      return cut(field, 0, at);
    case "ctrl-w":
      return cut(field, wordStart(text, at), at);
    default:
      return [...key].length === 1 && key >= " " && key !== "\u007f"
        ? insert(field, key)
        : undefined;
  }
}

/** Typed or pasted text at the cursor; a paste of several lines becomes one. */
export function insert({ text, at }: Field, more: string): Field {
  const line = [...more].map((one) => (one < " " || one === "\u007f" ? " " : one)).join("");
  return { text: text.slice(0, at) + line + text.slice(at), at: at + line.length };
}

function cut({ text }: Field, from: number, to: number): Field {
  return { text: text.slice(0, from) + text.slice(to), at: from };
}

function before(text: string, at: number): number {
  const low = text.charCodeAt(at - 1);
  const pair = low >= 0xdc00 && low <= 0xdfff && at > 1;
  return Math.max(0, at - (pair ? 2 : 1));
}

function after(text: string, at: number): number {
  const high = text.charCodeAt(at);
  const pair = high >= 0xd800 && high <= 0xdbff;
  return Math.min(text.length, at + (pair ? 2 : 1));
}

function wordStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && text[start - 1] === " ") start--;
  while (start > 0 && text[start - 1] !== " ") start--;
  return start;
}
