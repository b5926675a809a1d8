import { describe, expect, test } from "bun:test";
import { commands } from "../../src/cli/commands.ts";
import { commandNames } from "../../tui/commands.ts";
import { type Context, contexts, keymap } from "../../tui/keys.ts";
import { screens } from "../../tui/screens.ts";

describe("the keymap", () => {
  const places: readonly (readonly [string, readonly Context[]])[] = screens.flatMap((screen) => [
    [screen.id, contexts(screen.id, false)] as const,
    [`${screen.id} detail`, contexts(screen.id, true)] as const,
  ]);

  for (const [name, active] of places) {
    test(`no key means two things on ${name}`, () => {
      const keys = keymap
        .filter((row) => row.in.some((one) => active.includes(one)))
        .flatMap((row) => row.keys);
      expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
    });
  }

  test("each row names a command that is done, and each command has a row or a word", () => {
    const done = commandNames();
    expect(keymap.map((row) => row.command).filter((name) => !done.includes(name))).toEqual([]);
    const named = keymap.map((row) => row.command);
    expect(done.filter((name) => !named.includes(name))).toEqual([]);
  });

  test("what changes something asks first and needs a role; nothing else does", () => {
    for (const row of keymap)
      expect([row.command, row.asks]).toEqual([row.command, row.role && true]);
  });

  test("commands that change something are those of the CLI", () => {
    const known = commands.map((command) => command.name);
    const acting = keymap.filter((row) => row.role !== undefined).map((row) => row.command);
    expect(acting.filter((name) => !known.includes(name))).toEqual([]);
  });

  test("each help text fits half of 80 columns", () => {
    expect(keymap.filter((row) => row.help.length > 24).map((row) => row.help)).toEqual([]);
  });

  test("keys that terminals cannot tell apart are not used", () => {
    const all = keymap.flatMap((row) => row.keys);
    expect(
      all.filter((key) => ["ctrl-i", "ctrl-m", "ctrl-h"].includes(key) || /^f\d/.test(key)),
    ).toEqual([]);
  });
});
