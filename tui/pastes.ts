/**
 * Pastes, before Ink sees them: it keeps what comes after the mark of a paste's begin until the
 * mark of its end, however long that takes. A terminal that goes wrong (ssh that breaks, a program
 * that wrote the mark) would take ctrl-c away from the reader, and all memory in time.
 */

import { limits } from "../src/base/limits.ts";

const [begin, end] = ["\u001b[200~", "\u001b[201~"] as const;

/** What a terminal sent goes through in order; of a paste that is too long only the beginning. */
export function createPastes(mostChars = limits.tuiPasteChars): (chunk: string) => string {
  let state: "keys" | "paste" | "cut" = "keys";
  let chars = 0;
  /** The last of what came, where a mark may have begun. */
  let tail = "";

  /** The mark that is looked for begins in `tail` or in the text; where it ends in the text. */
  function endOf(mark: string, text: string): number | undefined {
    const at = (tail + text).indexOf(mark);
    return at === -1 ? undefined : at + mark.length - tail.length;
  }

  function taken(text: string): string {
    if (state === "keys") return text;
    if (state === "cut") return "";
    const room = mostChars - chars;
    chars += text.length;
    if (text.length <= room) return text;
    // Part of the real mark may be through already: then it is text of the paste.
    state = "cut";
    return text.slice(0, room) + end;
  }

  return (chunk) => {
    // Alone in its read it was typed: no text of a paste is.
    if (state !== "keys" && isInterrupt(chunk)) {
      const closes = state === "paste" ? end : "";
      [state, chars, tail] = ["keys", 0, ""];
      return closes + chunk;
    }
    let out = "";
    let rest = chunk;
    for (;;) {
      const mark = state === "keys" ? begin : end;
      const to = endOf(mark, rest);
      if (to === undefined) break;
      const part = rest.slice(0, to);
      // The mark itself is no text of the paste; where that was cut its end was told already.
      out += state === "cut" ? "" : part;
      state = state === "keys" ? "paste" : "keys";
      [chars, tail, rest] = [0, "", rest.slice(to)];
    }
    tail = (tail + rest).slice(-(end.length - 1));
    return out + taken(rest);
  };
}

function isInterrupt(chunk: string): boolean {
  return chunk !== "" && [...chunk].every((one) => one === "\u0003");
}

/** Puts it between a terminal and whoever reads it; gives the way back. */
export function guardPastes(stdin: NodeJS.ReadStream): () => void {
  const { read } = stdin;
  const pass = createPastes();
  stdin.read = (size?: number) => {
    const chunk: unknown = read.call(stdin, size);
    return typeof chunk === "string" ? pass(chunk) : chunk;
  };
  return () => {
    stdin.read = read;
  };
}
