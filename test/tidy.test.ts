/** The rules of this code as tests. Each message says what to do; each rule is tried on a fault. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, normalize } from "node:path";
import { catalogue } from "../src/base/error-codes.ts";
import { type Layer, layerOf, layers, pure } from "./kit/layers.ts";
import { functions, lineAt, readSource, readSources, type SourceFile } from "./kit/source.ts";

const root = join(import.meta.dirname, "..");
const folders = ["src", "tui", "policies", "test", "build.ts"].filter((path) =>
  existsSync(join(root, path)),
);
const sources = readSources(root, folders);

interface Rule {
  readonly name: string;
  /** Problems as `line: what, what to do`. */
  check(file: SourceFile): string[];
  /** A file with exactly one fault. */
  readonly plant: readonly [path: string, text: string];
}

const rules: readonly Rule[] = [
  {
    name: "imports follow the table of test/kit/layers.ts",
    check: (file) => (ours(file) ? file.imports.flatMap((found) => importFault(file, found)) : []),
    plant: ["src/call/call.ts", 'import { post } from "../upstream/http.ts";\n'],
  },
  {
    name: "the TUI is loaded only when it is asked for",
    check: (file) =>
      file.imports
        .filter((found) => ours(file) && /\/tui\//.test(found.from) && !found.dynamic)
        .map((found) => `${found.line}: imports the TUI statically, use await import()`),
    plant: ["src/main.ts", 'import { run } from "../tui/app.tsx";\n'],
  },
  {
    name: "files have at most 400 lines",
    check: (file) => tooLong(file.text.trimEnd().split("\n").length, 400, 1, "the file"),
    plant: ["src/base/a.ts", "const a = 1;\n".repeat(401)],
  },
  {
    // A function that makes an object of functions counts its own lines, they count theirs.
    name: "functions have at most 70 lines of their own, 200 with the functions in them",
    check: (file) =>
      file.path.endsWith(".test.ts")
        ? []
        : functions(file.code).flatMap((found) => [
            ...tooLong(found.ownLines, 70, found.line, found.name),
            ...tooLong(found.lines, 200, found.line, `${found.name} as a whole`),
          ]),
    plant: ["src/base/a.ts", `export function a(): void {\n${"  b();\n".repeat(70)}}\n`],
  },
  {
    name: "lines have at most 100 columns",
    check: (file) =>
      file.path === "src/base/error-codes.ts"
        ? []
        : file.text.split("\n").flatMap((line, at) => tooWide(file.path, line, at + 1)),
    plant: ["src/base/a.ts", `// ${"x".repeat(100)}\n`],
  },
  {
    name: "only src/runtime names Bun or Deno",
    check: (file) =>
      !ours(file) || layerOf(file.path) === "runtime"
        ? []
        : matches(file, /\b(Bun|Deno)\b\s*[.?![]/g, "names a runtime, put it behind src/runtime"),
    plant: ["src/front/http.ts", "export const port = Bun.env;\n"],
  },
  {
    // Bun's RegExp says false when it runs out of steps (L1).
    name: "what decides or redacts has no JavaScript RegExp",
    check: (file) =>
      layerOf(file.path) !== "policy" && !/^src\/.*(redact|glob|filter)/.test(file.path)
        ? []
        : [
            ...file.regexps.map((line) => `${line}: has a RegExp, compare strings or use re2js`),
            ...matches(file, /\bRegExp\b|\.(match|matchAll|search)\(/g, "has a RegExp, use re2js"),
          ],
    plant: ["src/base/glob.ts", "export const slash = (text: string) => /x+/.test(text);\n"],
  },
  {
    name: "pure folders read no clock, randomness, environment or network",
    check: (file) =>
      !file.path.startsWith("src/") || !pure.includes(layerOf(file.path))
        ? []
        : matches(file, impure, "does I/O in a pure folder, pass the value in"),
    plant: ["src/receipt/chain.ts", "export const now = () => Date.now();\n"],
  },
  {
    name: "there are no barrels",
    check: (file) => [
      ...(/^(src|tui)\/.*\bindex\.tsx?$/.test(file.path)
        ? ["1: is an index file, name it by what it does"]
        : []),
      ...matches(file, /^export\s+(type\s+)?\*/gm, "re-exports a file, import from it"),
    ],
    plant: ["src/policy/all.ts", 'export * from "./model.ts";\n'],
  },
  {
    name: "a limit on what comes from outside stands in src/base",
    check: (file) =>
      !ours(file) || layerOf(file.path) === "base"
        ? []
        : matches(file, /\bconst \w+(Max|Limit) = \d/g, "is a limit, give it a row in limits.ts"),
    plant: ["src/audit/a.ts", "const openMax = 8192;\n"],
  },
  {
    name: "there is no any",
    check: (file) =>
      matches(file, /(?:[:<|&]|\bas)\s*any\b(?!\s*(\?\s*)?[:(.])/g, "says any, use unknown"),
    plant: ["src/base/a.ts", "export const a = (b: any): void => b;\n"],
  },
  {
    name: "only the printer has console",
    check: (file) =>
      !ours(file) || file.path === "src/cli/print.ts" || file.path === "src/base/log.ts"
        ? []
        : matches(file, /\bconsole\s*\./g, "prints, use the log or src/cli/print.ts"),
    plant: ["src/call/call.ts", 'console.log("here");\n'],
  },
  {
    name: "no catch is empty",
    check: (file) =>
      [...file.code.matchAll(/catch\s*(\([^)]*\))?\s*\{\s*\}|catch\(\(\w*\) => \{\s*\}\)/g)]
        .filter((match) => !/\/[/*]/.test(file.text.slice(match.index).slice(0, match[0].length)))
        .map((match) => `${lineAt(file.text, match.index)}: swallows an error, say why or pass on`),
    plant: ["src/base/a.ts", "try {\n  a();\n} catch {}\n"],
  },
  {
    // A build may rename classes: an answer of Postgres was once taken for an outage that way.
    name: "nothing is known by the name of its class",
    check: (file) =>
      !ours(file)
        ? []
        : [...file.code.matchAll(/\bconstructor\??\.name\b|\.name\s*[!=]==?\s*"/g)]
            .filter(({ 0: found, index }) => {
              const next = file.text[index + found.length] ?? "";
              return !found.endsWith('"') || /[A-Z]/.test(next);
            })
            .map((m) => `${lineAt(file.code, m.index)}: goes by a class' name, use instanceof`),
    plant: ["src/store/a.ts", "export const a = (e: Error) => e.constructor.name;\n"],
  },
  {
    name: "builtins are imported as node:, files with their ending",
    check: (file) =>
      file.imports.flatMap(({ from, line }) => {
        if (builtinModules.includes(from) && !from.includes(":"))
          return [`${line}: write node:${from}`];
        const bare = from.startsWith(".") && !/\.(tsx?|js|json|ya?ml|txt|md|sql)$/.test(from);
        return bare ? [`${line}: ${from} has no ending, write ${from}.ts`] : [];
      }),
    plant: ["src/base/a.ts", 'import { join } from "path";\n'],
  },
];

describe("tidy", () => {
  for (const rule of rules) {
    test(rule.name, () => {
      const found = sources.flatMap((file) => rule.check(file).map((at) => `${file.path}:${at}`));
      expect(found).toEqual([]);
    });
    test(`${rule.name}: a planted fault is found`, () => {
      expect(rule.check(readSource(...rule.plant))).toHaveLength(1);
    });
  }

  test("every error code is in docs/errors.md, and no other", () => {
    const path = join(root, "docs/errors.md");
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    expect(undocumented(text, Object.keys(catalogue))).toEqual([]);
  });

  test("error codes: a missing and a stale row are found", () => {
    expect(undocumented("| `GW_A` |\n| `GW_C` |", ["GW_A", "GW_B"])).toHaveLength(2);
  });

  test("what only looks like a fault is left alone", () => {
    const text = `// Bun.serve, any: console.log\nexport const a = "catch {}: any";
export const rule = { any: [1], b: 4 / 2 / 1 };\nexport const c = \`\${"}"} console.x\`;\n`;
    for (const path of ["src/base/a.ts", "src/policy/a.ts"]) {
      expect(rules.flatMap((rule) => rule.check(readSource(path, text)))).toEqual([]);
    }
  });
});

const impure = new RegExp(
  "\\b(Date\\.now|new Date\\(\\)|performance\\.|Math\\.random|crypto\\.(getRandomValues|randomUUID)" +
    "|randomBytes\\(|randomUUID\\(|process\\.|fetch\\(|setTimeout\\(|setInterval\\()",
  "g",
);

/** The product's own code; tests and the build may do more. */
function ours(file: SourceFile): boolean {
  return /^(src|tui|policies)\//.test(file.path);
}

function importFault(file: SourceFile, found: SourceFile["imports"][number]): string[] {
  const from = layerOf(file.path);
  const layer = layers[from];
  if (layer === undefined) return [`1: ${from} is not in the table of test/kit/layers.ts, add it`];
  if (!found.from.startsWith(".")) return packageFault(from, layer, found.from, found.line);
  const target = normalize(join(file.path, "..", found.from));
  const to = layerOf(target);
  if (to === from || target === "package.json") return [];
  const allowed = found.typeOnly ? [...layer.may, ...(layer.types ?? [])] : layer.may;
  if (allowed.includes(to) || allowed.includes(target.replace(/^src\//, ""))) return [];
  return [
    `${found.line}: ${from} imports ${target}, it may import ${allowed.join(", ") || "none"}`,
  ];
}

function packageFault(from: string, layer: Layer, name: string, line: number): string[] {
  if (/^bun(:|$)/.test(name) && from !== "runtime") {
    return [`${line}: imports ${name}, put it behind src/runtime`];
  }
  if (from !== "tui" && /^(ink|react)(\/|$)/.test(name))
    return [`${line}: ${name} is for tui only`];
  if (layer.npm === undefined || layer.npm.includes(name)) return [];
  return [`${line}: ${from} is pure and imports ${name}, pass the value in`];
}

function matches(file: SourceFile, shape: RegExp, problem: string): string[] {
  return [...file.code.matchAll(shape)].map((m) => `${lineAt(file.code, m.index)}: ${problem}`);
}

function tooLong(lines: number, most: number, at: number, name: string): string[] {
  return lines > most ? [`${at}: ${name} has ${lines} lines, split it (at most ${most})`] : [];
}

/** What the formatter cannot break may stand: an import of one name, a text of a test. */
function tooWide(path: string, line: string, at: number): string[] {
  if (line.length <= 100 || /^import .* from "[^"]+";$/.test(line)) return [];
  const comment = /^\s*(\/\/|\/?\*)/.test(line);
  if (!comment && path.startsWith("test/") && /["'`]/.test(line.slice(0, 100))) return [];
  return [`${at}: has ${line.length} columns, break it (at most 100)`];
}

function undocumented(text: string, codes: readonly string[]): string[] {
  const rows = [...text.matchAll(/^\|\s*`?(GW_[A-Z_]+)`?\s*\|/gm)].map((match) => match[1] ?? "");
  return [
    ...codes.filter((code) => !rows.includes(code)).map((code) => `${code}: no row, add one`),
    ...rows.filter((code) => !codes.includes(code)).map((code) => `${code}: row without a code`),
  ];
}
