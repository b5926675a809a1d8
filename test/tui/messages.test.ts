/** Sentences are whole at 80x24: messages, what is typed, troubles and what happens at a limit. */

import { describe, expect, test } from "bun:test";
import type { Line } from "../../tui/cells.ts";
import { plainText } from "../../tui/paint.ts";
import type { Size } from "../../tui/screen.ts";
import { frame } from "../../tui/view/frame.ts";
import { demoStore, envOf, press } from "../kit/tui-demo.ts";
import { draw } from "../kit/tui-screens.ts";

const small: Size = { columns: 80, rows: 24 };
const wide: Size = { columns: 120, rows: 30 };
const textOf = (lines: readonly Line[]) => lines.map((line) => plainText(line).trimEnd());
/** Without what wrapping put between the words. */
const flowing = (lines: readonly string[]) => lines.join(" ").replace(/[\s│]+/g, " ");

describe("messages", () => {
  test("one that is too long for its row goes on above it, whole, and moves no row", () => {
    const words = `${"long words ".repeat(20)}the end`;
    const lines = textOf(draw({ name: "toast", keys: [], toast: words }, small));
    expect(flowing(lines)).toContain(words);
    expect(lines.at(-2)).toContain("the end");
    expect(lines).toHaveLength(small.rows);
    expect(lines[0]).toContain("authensor-gw");
  });

  test("a wrong filter keeps its beginning, whatever is said of it", () => {
    const typed = "tool:github/* outcome:denied colour:red";
    const lines = textOf(draw({ name: "filter", keys: ["/", `type:${typed}`] }, small));
    expect(lines.at(-2)).toBe(` / ${typed}`);
    expect(flowing(lines)).toContain('colour:red: no field "colour": there are');
    // Both on one line where they have room.
    const short = textOf(draw({ name: "filter", keys: ["/", "type:outcom:x"] }, small));
    expect(short.at(-2)).toMatch(
      /^ \/ outcom:x +outcom:x: no field "outcom": did you mean outcome\?$/,
    );
  });
});

describe.each([["80x24", small] as const, ["120x30", wide] as const])("at %s", (_, size) => {
  test("the picked server's cause and each step of what to do are whole", () => {
    const env = envOf(demoStore(4 * 60_000 + 1_000));
    const sick = env.live.servers.filter(({ trouble }) => trouble !== null);
    expect(sick.length).toBeGreaterThan(1);
    for (const [at, { trouble }] of sick.entries()) {
      const keys = ["2", ...Array.from({ length: at }, () => "j")];
      const ui = press(size, keys, env);
      const all = textOf(frame(ui, env));
      // Beside the list its lines are mixed with it.
      const right = all.map((line) => line.split("│").at(-1) ?? "");
      const shown = flowing(right);
      expect(shown).toContain(trouble?.cause ?? "");
      const fix = trouble?.fix.replaceAll("; then ", ", then ").replaceAll(". Or ", " or ");
      expect(shown).toContain(fix ?? "");
    }
  });

  test("no sentence of the lists of Servers and Health is cut", () => {
    const env = envOf(demoStore(4 * 60_000 + 1_000));
    for (const keys of [["2"], ["6"]]) {
      const lines = textOf(frame(press(size, keys, env), env)).slice(2, -2);
      const cut = lines.map((line) => line.split("│")[0] ?? "").filter((line) => /\S…/.test(line));
      expect(cut.map((line) => line.trimEnd())).toEqual([]);
    }
  });

  test("what happens at the picked limit is whole", () => {
    const env = envOf(demoStore(0));
    for (const [at, gauge] of (env.live.gauges?.gauges ?? []).entries()) {
      const ui = press(size, ["6", "o", "o", ...Array.from({ length: at }, () => "j")], env);
      const right = textOf(frame(ui, env)).map((line) => line.split("│").at(-1) ?? "");
      const sorted = [...(env.live.gauges?.gauges ?? [])].sort((a, b) =>
        a.name < b.name ? -1 : 1,
      );
      expect([gauge.name, flowing(right)]).toEqual([
        gauge.name,
        expect.stringContaining(sorted[at]?.at_limit ?? "?"),
      ]);
    }
  });
});
