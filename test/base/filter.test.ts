import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { callFields, receiptFields } from "../../src/base/call-fields.ts";
import { type FilterRecord, matches, parseFilter } from "../../src/base/filter.ts";
import { limits } from "../../src/base/limits.ts";
import { logFields } from "../../src/cli/log-line.ts";
import { outcomes } from "../../src/receipt/decode.ts";

const denied: FilterRecord = {
  tool: "github/delete_repo",
  server: "github",
  key: "ci-bot",
  client: "claude-code/2.4",
  outcome: "denied",
  rule: "no-delete",
  took: 1.1,
  size: 2048,
  since: 60_000,
  why: 'denied: "prod" is frozen',
  session: null,
};

function hits(text: string, record: FilterRecord = denied): boolean {
  const filter = parseFilter(text, callFields);
  if (!filter.ok) throw new Error(`${filter.error.message} at ${filter.error.at}`);
  return matches(filter.value, record);
}

describe("a filter", () => {
  const table: readonly [text: string, does: boolean][] = [
    ["", true],
    ["   ", true],
    ["tool:github/*", true],
    ["tool:github", true],
    ["tool:=github", false],
    ["server:=GitHub", true],
    ["tool:git?ub/*_repo", true],
    ["tool:hub*", false],
    ["outcome:denied key:ci-*", true],
    ["outcome:DENIED,timeout", true],
    ["outcome:ok,timeout", false],
    ["outcome:*_error", false],
    ["outcome:d*", true],
    ["!outcome:denied", false],
    ["!client:claude", false],
    ["!client:cursor", true],
    ["took:>1ms", true],
    ["took:>1s", false],
    ["took:<=1.1ms took:>=1.1ms", true],
    ["took:>0", true],
    ["size:>1kb", true],
    ["size:2KiB", true],
    ["size:<1MiB", true],
    ["since:10m", true],
    ["since:59s", false],
    ["since:>1h", false],
    ["delete", true],
    ["DELETE no-del", true],
    ["delete !ci-bot", false],
    ["del*repo", true],
    ["files", false],
    ['"is frozen"', true],
    ['!"is frozen"', false],
    ['"\\"prod\\" is"', true],
    ['why:"is frozen"', true],
    ['why:"is thawed","is frozen"', true],
    ['tool:"github/*"', false],
    ["session:*", false],
    ["!session:*", true],
    ["receipt:*", false],
    ["14:02", false],
    [" \ttool:github\t", true],
  ];
  for (const [text, does] of table) {
    test(`${JSON.stringify(text)} ${does ? "takes" : "leaves"} the row`, () => {
      expect(hits(text)).toBe(does);
    });
  }

  const faults: readonly [text: string, at: number, message: string][] = [
    ["tol:x", 0, 'no field "tol": did you mean tool?'],
    ["ok !xyzzyplugh:1", 4, 'no field "xyzzyplugh": there are tool server key'],
    ["outcome:denyed", 8, 'outcome is never "denyed": did you mean denied?'],
    ["outcome:ok,nope", 11, 'outcome is never "nope": there are ok '],
    ["tool:", 5, "tool: needs a value"],
    ["tool:a, b", 7, "tool: needs a value"],
    ["took:1s", 5, "took needs a comparison: took:>1s"],
    ["took:>500", 5, '">500" is no took: write it as >500ms'],
    ["took:>1.2.3s", 5, "is no took"],
    ["size:>1parsec", 5, "is no size"],
    ["since:yesterday", 6, '"yesterday" is no since: write it as 30s, 10m or 2h'],
    ["tool:>a", 5, 'tool is text and cannot be compared: write tool:">a"'],
    ['tool:"a', 5, "the closing quote is missing"],
    ['"a"b', 3, "a space is missing here"],
    ["a !", 2, "a word is missing here"],
    ["x".repeat(limits.filterChars + 1), limits.filterChars, "longer than 1024 characters"],
    ["a ".repeat(limits.filterTerms + 1), 2 * limits.filterTerms, "more than 64 words"],
  ];
  for (const [text, at, message] of faults) {
    test(`${JSON.stringify(text.slice(0, 30))} is not understood`, () => {
      const parsed = parseFilter(text, callFields);
      expect(parsed.ok).toBe(false);
      if (parsed.ok) return;
      expect(parsed.error.message).toContain(message);
      expect(parsed.error.at).toBe(at);
    });
  }

  test("T1 a message about foreign text does not steer a terminal", () => {
    const parsed = parseFilter("outcome:\u001b[2J", callFields);
    expect(parsed.ok ? "" : parsed.error.message).not.toContain("\u001b");
  });

  test("P8 a filter of many stars over a long text ends", () => {
    const started = performance.now();
    expect(hits(`tool:${"a*".repeat(400)}b`, { tool: "a".repeat(20_000) })).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test("the outcomes are those of receipts", () => {
    const field = callFields.find(({ name }) => name === "outcome");
    expect(field?.words?.filter((word) => word !== "running").sort()).toEqual([...outcomes].sort());
    expect(receiptFields.map(({ name }) => name)).toContain("outcome");
  });
});

test("the example of docs/filter.md is a filter of calls and of receipts", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/filter.md"), "utf8");
  const example = page.split("\n").find((line) => line.startsWith("    "));
  for (const fields of [callFields, receiptFields]) {
    expect(parseFilter(example?.trim() ?? "", fields)).toMatchObject({ ok: true });
  }
});

test("docs/filter.md names every field, and every word of one", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/filter.md"), "utf8");
  const words = new Set(page.split("`").flatMap((part) => part.split(" ")));
  for (const { name, words: known = [] } of [...callFields, ...logFields]) {
    if (name !== "line") expect([name, words.has(name)]).toEqual([name, true]);
    // The levels of a log are known.
    if (name === "level") continue;
    for (const word of known) expect([name, word, words.has(word)]).toEqual([name, word, true]);
  }
});

describe("a field with ranks", () => {
  const words = ["debug", "info", "warn", "error"];
  const fields = [{ name: "level", kind: "rank", words, doc: "" }] as const;
  const found = (text: string) => {
    const filter = parseFilter(text, fields);
    return filter.ok ? words.filter((level) => matches(filter.value, { level })) : filter.error;
  };

  test("takes a word and those after it, = takes the one", () => {
    expect(found("level:warn")).toEqual(["warn", "error"]);
    expect(found("level:=warn")).toEqual(["warn"]);
    expect(found("!level:info")).toEqual(["debug"]);
    expect(found("level:warm")).toMatchObject({ message: expect.stringContaining("mean warn?") });
  });
});

describe("for any text", () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9_/-]{0,12}$/);
  const row = fc.record({ tool: word, key: word, rule: fc.option(word), took: fc.nat(5_000) });

  test("parsing never throws, and a fault points into the text", () => {
    const unit = fc.constantFrom(...'tol:key!"\\,*?<>=1s \u001b');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
        const parsed = parseFilter(text, callFields);
        if (parsed.ok) matches(parsed.value, denied);
        else expect(parsed.error.at).toBeWithin(0, text.length + 1);
      }),
      { numRuns: 2_000 },
    );
  });

  test("! is the opposite, a space is and, a comma is or", () => {
    fc.assert(
      fc.property(row, word, word, (record, a, b) => {
        const one = hits(`tool:${a}`, record);
        const other = hits(`tool:${b}`, record);
        expect(hits(`!tool:${a}`, record)).toBe(!one);
        expect(hits(`tool:${a} tool:${b}`, record)).toBe(one && other);
        expect(hits(`tool:${a},${b}`, record)).toBe(one || other);
        expect(hits(`tool:*${a}*`, record)).toBe(one);
      }),
    );
  });

  test("a value in quotes finds exactly the fields it is a part of", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 30 }), (part, whole) => {
        const quoted = `"${part.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
        const found = whole.toLowerCase().includes(part.toLowerCase());
        if (part !== "") expect(hits(`why:${quoted}`, { why: whole })).toBe(found);
      }),
    );
  });
});
