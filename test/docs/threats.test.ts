/** What comments and tests cite is in docs/threats.md, and what that names is there. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lineAt, readSource, readSources, type SourceFile } from "../kit/source.ts";

const root = join(import.meta.dirname, "../..");
const sources = readSources(root, ["src", "tui", "test", "build.ts"]);
const rows = rowsOf(readFileSync(join(root, "docs/threats.md"), "utf8"));

describe("docs/threats.md", () => {
  test("has a row for every code and invariant that is cited", () => {
    expect(sources.flatMap(unknownCitations)).toEqual([]);
  });

  test("names files that are there, and tests that cite the row", () => {
    expect(rows.flatMap((row) => faultsOf(row, rows))).toEqual([]);
  });

  test("is all that is cited: no comment sends its reader to notes from outside", () => {
    expect(sources.flatMap(outsideNotes)).toEqual([]);
  });

  test("planted faults are found", () => {
    const at = (text: string) => readSource("src/a.ts", text);
    expect(unknownCitations(at(`// See (F${99}).\n/** Invariant ${12}. */\n`))).toHaveLength(2);
    expect(unknownCitations(at('// See F1, U27 and invariant 6.\nconst of = "P95";\n'))).toEqual(
      [],
    );
    const row = { code: "F1", files: ["src/gone.ts"], test: "test/front/wall.test.ts" };
    expect(faultsOf(row, [row])).toHaveLength(2);
    expect(faultsOf({ ...row, files: [], test: "-" }, [row, row])).toHaveLength(2);
    for (const note of ["mcp-protocol 1.10", "tui.md 4.2", "gone.md", "pain 17", "issue B"]) {
      expect(outsideNotes(at(`/** As said (${note}). */`))).toEqual([
        expect.stringContaining("src/a.ts:1"),
      ]);
    }
    expect(outsideNotes(at("// docs/tui.md and README.md explain it (RFC 9112 3.2)."))).toEqual([]);
  });
});

interface ThreatRow {
  /** `F11`, or the number of an invariant. */
  readonly code: string;
  /** Where it is met. */
  readonly files: readonly string[];
  /** A path, or `-`. */
  readonly test: string;
}

function rowsOf(text: string): readonly ThreatRow[] {
  return [...text.matchAll(/^\| ([A-Z]?\d+) \| .+ \| (.+) \| (.+) \|$/gm)].map(
    ([, code = "", where = "", proof = ""]) => ({
      ...{ code, test: proof.replaceAll("`", "") },
      files: [...where.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""),
    }),
  );
}

const citation =
  /\b([FPUARTOL][1-9]\d?)\b|(?:test|describe)\S*\(["`]([A-Z]\d+)\b|\b[Ii]nvariant (\d+)\b/g;

/** Percentiles look like rows, and are none. */
const percentiles = new Set(["P50", "P90", "P95", "P99"]);

function unknownCitations(file: SourceFile): string[] {
  const known = new Set(rows.map(({ code }) => code));
  return [...file.text.matchAll(citation)].flatMap(
    ({ 0: cited, 1: row, 2: named, 3: invariant, index }) => {
      const code = row ?? named ?? invariant ?? "";
      if (known.has(code) || percentiles.has(code)) return [];
      return [`${file.path}:${lineAt(file.text, index)}: ${cited} is not in docs/threats.md`];
    },
  );
}

function faultsOf({ code, files, test: proof }: ThreatRow, all: readonly ThreatRow[]) {
  const isThere = (path: string) => existsSync(join(root, path));
  const same = all.filter((row) => row.code === code).length;
  const isOpen = proof === "-";
  const text = isOpen || !isThere(proof) ? "" : readFileSync(join(root, proof), "utf8");
  // Few tests are of one invariant alone, so they need not say it.
  const cites = text !== "" && (/^\d/.test(code) || new RegExp(`\\b${code}\\b`).test(text));
  return [
    ...(same === 1 ? [] : [`${code}: has ${same} rows`]),
    ...(files.length > 0 ? [] : [`${code}: names no file`]),
    ...files.filter((path) => !isThere(path)).map((path) => `${code}: ${path} is not there`),
    ...(isOpen || cites ? [] : [`${code}: ${proof} does not cite it, or is not there`]),
  ];
}

/** A file that is none of ours, or numbered parts of one: nobody can look there. */
function outsideNotes({ path, text }: SourceFile): string[] {
  return text.split("\n").flatMap((line, at) => {
    if (!/^\s*(\/\*|\*|\/\/)/.test(line)) return [];
    const numbered =
      /\b(mcp-protocol|[\w-]+\.md),? (section )?\d|\b(pain|promise) \d|\bissue [A-Z]\b/.exec(line);
    const gone = [...line.matchAll(/[\w/-]+\.md\b/g)].filter(
      ([name]) => !["", "docs"].some((folder) => existsSync(join(root, folder, name))),
    );
    const found = numbered?.[0] ?? gone[0]?.[0];
    return found === undefined ? [] : [`${path}:${at + 1}: cites ${found}, say what it means`];
  });
}
