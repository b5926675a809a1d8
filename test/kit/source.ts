/** Reads TypeScript just well enough for tidy.test.ts: no parser, no dependency. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments, strings and regular expressions blanked, lines and columns kept. */
  readonly code: string;
  /** Line numbers, from 1, of regular expression literals. */
  readonly regexps: readonly number[];
  readonly imports: readonly Import[];
}

export interface Import {
  /** As written: `./x.ts`, `node:fs`, `hono`. */
  readonly from: string;
  readonly line: number;
  /** Erased at run time: `import type`, `export type`, or an `import("…")` used as a type. */
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

/** Every .ts and .tsx file under the folders or paths. */
export function readSources(root: string, paths: readonly string[]): SourceFile[] {
  const found: string[] = [];
  for (const path of paths) {
    if (path.endsWith(".ts")) found.push(path);
    else
      for (const name of readdirSync(join(root, path), { recursive: true }) as string[]) {
        if (/\.tsx?$/.test(name)) found.push(`${path}/${name.replaceAll("\\", "/")}`);
      }
  }
  return found
    .filter((path) => !path.includes("node_modules") && !path.includes("/.peers/"))
    .sort()
    .map((path) => readSource(path, readFileSync(join(root, path), "utf8")));
}

export function readSource(path: string, text: string): SourceFile {
  const { code, regexps } = blank(text);
  return { path, text, code, regexps, imports: findImports(text, code) };
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

export interface FoundFunction {
  readonly name: string;
  /** First line, from 1. */
  readonly line: number;
  readonly lines: number;
  /** Without the lines of the functions in it. */
  readonly ownLines: number;
}

/** Functions, methods and arrow functions with a body, inner ones before outer ones. */
export function functions(code: string): FoundFunction[] {
  const found: FoundFunction[] = [];
  const open: { at: number; inner: number }[] = [{ at: 0, inner: 0 }];
  for (let at = 0; at < code.length; at++) {
    if (code[at] === "{") open.push({ at, inner: 0 });
    if (code[at] !== "}" || open.length < 2) continue;
    const { at: start, inner } = open.pop() as { at: number; inner: number };
    const outer = open.at(-1) as { inner: number };
    const name = functionName(code.slice(Math.max(0, start - 2000), start));
    if (name === undefined) {
      outer.inner += inner;
      continue;
    }
    const line = lineAt(code, start);
    const lines = lineAt(code, at) - line + 1;
    found.push({ name, line, lines, ownLines: lines - inner });
    outer.inner += lines;
  }
  return found;
}

/** The name of the function whose body begins after `before`; undefined: not a function's body. */
function functionName(before: string): string | undefined {
  const head = before.trimEnd();
  if (head.endsWith("=>")) {
    return /(\w+)\s*[:=][^;{}]*=>$/.exec(head)?.[1] ?? "(anonymous)";
  }
  // `)` or `): Type` before the brace; the type may hold <>, [] and | but no statement.
  const signature = /\)(\s*:\s*[\w\s.<>[\],|&"'?]+(\{[^{}]*\}[\w\s>[\]|]*)?)?$/.exec(head);
  if (signature === null) return undefined;
  let depth = 0;
  let at = signature.index;
  for (; at >= 0; at--) {
    if (head[at] === ")") depth++;
    if (head[at] === "(" && --depth === 0) break;
  }
  const name = /([\w$#]+)\s*(<[^()]*>)?\s*$/.exec(head.slice(0, Math.max(at, 0)))?.[1];
  if (name === undefined) return "(anonymous)";
  return ["if", "for", "while", "switch", "catch", "with", "await"].includes(name)
    ? undefined
    : name;
}

const importShapes: readonly { shape: RegExp; dynamic: boolean }[] = [
  {
    shape: /^[ \t]*(?:import|export)\b(\s+type\b)?(?:[^;"'`()=]*?\bfrom)?\s*["'`]/gm,
    dynamic: false,
  },
  { shape: /()\bimport\s*\(\s*["'`]/g, dynamic: true },
];

/** Shapes are matched in the blanked code, where string contents cannot look like imports. */
function findImports(text: string, code: string): Import[] {
  const found: Import[] = [];
  for (const { shape, dynamic } of importShapes) {
    for (const match of code.matchAll(shape)) {
      const start = match.index + match[0].length;
      const from = /^[^"'`\n]*/.exec(text.slice(start))?.[0] ?? "";
      const before = code.slice(0, match.index).trimEnd();
      const asType = dynamic && /(:|<|\btypeof|\||&|=>)$/.test(before) && !before.endsWith("=>");
      found.push({
        from,
        line: lineAt(text, start),
        typeOnly: match[1] !== undefined && match[1].trim() === "type" ? true : asType,
        dynamic,
      });
    }
  }
  return found;
}

/** Blanks what is not code. A `/` begins a regular expression where a value may begin. */
function blank(text: string): { code: string; regexps: number[] } {
  const out: string[] = [];
  const regexps: number[] = [];
  const templates: number[] = [];
  let braces = 0;
  let at = 0;
  const hide = (end: number, keep: number): void => {
    const inner = text.slice(at + keep, end - keep).replace(/[^\n]/g, " ");
    out.push(text.slice(at, at + keep), inner, text.slice(Math.max(end - keep, at + keep), end));
    at = end;
  };
  while (at < text.length) {
    const char = text[at];
    const pair = text.slice(at, at + 2);
    if (pair === "//") hide(endOf(text, "\n", at), 0);
    else if (pair === "/*") hide(endOf(text, "*/", at) + 2, 0);
    else if (char === '"' || char === "'") {
      const match = /^(["'])(?:\\.|(?!\1)[^\\\n])*\1/.exec(text.slice(at, at + 5000));
      // An apostrophe in the text of an element ends nowhere on its line.
      if (match !== null) hide(at + match[0].length, 1);
      else out.push(text[at++] ?? "");
    } else if (char === "`" || (char === "}" && templates.at(-1) === braces)) {
      if (char === "}") templates.pop();
      const end = templateEnd(text, at + 1);
      if (text[end - 1] === "{") templates.push(braces);
      hide(end, 1);
    } else if (char === "/" && valueMayBegin(out.slice(-40).join("").slice(-40))) {
      const match = /^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*/.exec(
        text.slice(at, at + 2000),
      );
      if (match !== null) {
        regexps.push(lineAt(text, at));
        hide(at + match[0].length, 1);
      } else out.push(text[at++] ?? "");
    } else {
      if (char === "{") braces++;
      if (char === "}") braces--;
      out.push(text[at++] ?? "");
    }
  }
  return { code: out.join(""), regexps };
}

function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  return end === -1 ? text.length : end;
}

/** Index after the closing backtick, or after `${`. */
function templateEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "`") return at + 1;
    else if (text[at] === "$" && text[at + 1] === "{") return at + 2;
  }
  return text.length;
}

function valueMayBegin(before: string): boolean {
  const last = before.trimEnd();
  return last === "" || /[=(,:[!&|?{};+*%~^-]$|=>$|\b(return|typeof|case|in|of|await)$/.test(last);
}
