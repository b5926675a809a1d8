/**
 * While the screen is drawn nobody else may write to the terminal: one stray line leaves it broken
 * for good. What libraries write is kept, and shown after leaving.
 */

import process from "node:process";
import { limits } from "../src/base/limits.ts";
import { printable } from "../src/base/printable.ts";

export interface Stray {
  /** Gives stderr and the console back, and writes the last of what was kept. */
  end(): void;
}

const methods = ["log", "info", "warn", "error", "debug", "trace"] as const;

/** Shown and hidden, as Ink writes them. */
const cursor = new Set(["\u001b[?25h", "\u001b[?25l"]);

export function stray(): Stray {
  const kept: string[] = [];
  const keep = (text: string) => {
    kept.push(...text.split("\n").filter((line) => line !== ""));
    kept.splice(0, kept.length - limits.tuiStrayLines);
  };
  const { write } = process.stderr;
  const printer = globalThis["console"];
  const before = methods.map((name) => [name, printer[name]] as const);
  // Ink shows the cursor again through stderr when it ends; nothing else is let through.
  process.stderr.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    if (cursor.has(text)) return write.call(process.stderr, text);
    keep(text);
    const done = rest.find((one) => typeof one === "function") as (() => void) | undefined;
    done?.();
    return true;
  }) as typeof process.stderr.write;
  for (const name of methods)
    printer[name] = (...words: unknown[]) => keep(words.map(String).join(" "));
  let over = false;
  return {
    end() {
      if (over) return;
      over = true;
      process.stderr.write = write;
      for (const [name, method] of before) printer[name] = method;
      for (const line of kept) process.stderr.write(`${printable(line)}\n`);
    },
  };
}
