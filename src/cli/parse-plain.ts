/** Everyday words behind a command: cac is not asked where nothing could be meant otherwise. */

import type { Option } from "./command.ts";

export interface Plain {
  readonly args: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** `--name VALUE`, `--name=VALUE`, switches, words. undefined: cac reads it, and has the words. */
export function splitPlain(
  words: readonly string[],
  options: readonly Option[],
): Plain | undefined {
  const args: string[] = [];
  const values = new Map<string, string[]>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) {
      args.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const name = word.slice(2, equals === -1 ? undefined : equals);
    const option = options.find((one) => one.name === name);
    if (option === undefined || !word.startsWith("--")) return undefined;
    let value = "true"; // What cac says of a switch.
    if (option.value === undefined) {
      // Whose the word behind a switch is, cac says.
      const isAlone = words[at + 1]?.startsWith("-") ?? true;
      if (equals !== -1 || !isAlone) return undefined;
    } else if (equals !== -1) {
      value = word.slice(equals + 1);
    } else {
      const next = words[++at];
      if (next === undefined || next.startsWith("-")) return undefined;
      value = next;
    }
    const before = values.get(name);
    if (before === undefined) values.set(name, [value]);
    else before.push(value);
  }
  return { args, values };
}
