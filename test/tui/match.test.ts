/** `n` and `N` go through the matches of a filter; `:export` writes the rows of the list. */

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { perform } from "../../tui/effects.ts";
import { runLine } from "../../tui/line.ts";
import { type Effect, pickedOf, type Ui } from "../../tui/ui.ts";
import { demoStore, envOf, press } from "../kit/tui-demo.ts";

const size = { columns: 80, rows: 24 };
const env = envOf(demoStore(0));
const outcomeOf = (ui: Ui) => {
  const { id } = pickedOf(ui, env);
  return env.live.recent.find((call) => call.id === id)?.outcome;
};

test("n goes on to the rows of a filter that was taken away, N back, and round", () => {
  const denied = env.live.recent.filter(({ outcome }) => outcome === "denied");
  expect(denied.length).toBeGreaterThan(1);
  const filtered = ["/", "type:outcome:denied", "return"];
  const all = press(size, [...filtered, "escape", "tab"], env);
  expect(all.pages.calls.filter).toBe("");
  const seen: (string | undefined)[] = [];
  const keys = [...filtered, "escape", "tab"];
  for (let count = 0; count <= denied.length; count++) {
    keys.push("n");
    const ui = press(size, keys, env);
    expect(outcomeOf(ui)).toBe("denied");
    seen.push(pickedOf(ui, env).id);
  }
  // Each once, then the first again.
  expect(new Set(seen).size).toBe(denied.length);
  expect(seen.at(-1)).toBe(seen[0]);
  const back = press(size, [...keys, "N"], env);
  expect(pickedOf(back, env).id).toBe(seen.at(-2));
});

test("n without a filter says what to do first", () => {
  const ui = press(size, ["n"], env);
  expect(ui.toast?.text).toBe("n next match: / filters first");
});

function exported(line: string, keys: readonly string[]): Effect | undefined {
  const outcome = runLine(line, press(size, keys, env), env);
  return "effects" in outcome ? outcome.effects?.[0] : undefined;
}

test("export json: what the list shows, in its order, into a new file that others cannot read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gw-export-"));
  const file = join(folder, "calls.jsonl");
  const keys = ["/", "type:outcome:denied", "return", "tab"];
  const effect = exported(`export json ${file}`, keys);
  if (effect === undefined) throw new Error("nothing is exported");
  const said: string[] = [];
  const hands = { toast: (text: string) => said.push(text) } as never;
  await perform(effect, hands);
  const rows = readFileSync(file, "utf8").trimEnd().split("\n");
  const shown = env.live.recent.filter(({ outcome }) => outcome === "denied");
  expect(rows.map((row) => JSON.parse(row))).toEqual([...shown]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(said).toEqual([`${shown.length} rows are in ${file}`]);
  // Never over what is there.
  writeFileSync(file, "mine");
  await perform(effect, hands);
  expect([readFileSync(file, "utf8"), said[1]]).toEqual([
    "mine",
    expect.stringContaining("EEXIST"),
  ]);
  rmSync(folder, { recursive: true });
});

test("each screen exports its own rows; other forms are refused", () => {
  for (const [key, count] of [
    ["2", env.live.servers.length],
    ["6", env.live.gauges?.gauges.length ?? 0],
  ] as const) {
    expect(exported("export json", [key])).toMatchObject({ run: "export", rows: count, file: "" });
  }
  expect(runLine("export har", press(size, [], env), env)).toEqual({
    refused: "write: export json [FILE]; other forms are not here",
  });
});
