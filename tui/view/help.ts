/** Help of a screen, made from the keymap and the filter's fields: nothing is written twice. */

import type { Field } from "../../src/base/filter.ts";
import { beside, type Cell, heading, type Line, toHeight, toLine, wrap } from "../cells.ts";
import { contexts, type KeyRow, keymap, keyName } from "../keys.ts";
import { lineCommands } from "../line.ts";
import type { Screen, Size } from "../screen.ts";

export function helpLines(screen: Screen, scroll: number, size: Size): readonly Line[] {
  const width = size.columns;
  const half = Math.floor((width - 1) / 2);
  const left = [
    ...section("MOVE", rowsOf(screen, "move"), half),
    ...section("LEAVE", rowsOf(screen, "leave"), half),
  ];
  const right = [
    ...section("ACT   * asks first", rowsOf(screen, "act"), width - half - 1),
    ...section("LOOK", rowsOf(screen, "look"), width - half - 1),
  ];
  const rows = Math.max(left.length, right.length);
  const both = beside(toHeight(left, rows, half), toHeight(right, rows, width - half - 1));
  const lines = [...both, ...commandLines(width), ...filterLines(screen.fields, width)];
  const room = size.rows - 1;
  const from = Math.max(0, Math.min(scroll, lines.length - room));
  const more = lines.length - from - room;
  const end = more > 0 ? `${more} more lines, j` : "esc or ? closes";
  return toHeight(
    [heading(`Help: ${screen.title}`, end, width), ...lines.slice(from)],
    size.rows,
    width,
  );
}

function rowsOf(screen: Screen, group: KeyRow["group"]): readonly KeyRow[] {
  const active = [...contexts(screen.id, false), ...contexts(screen.id, true)];
  return keymap.filter((row) => row.group === group && row.in.some((one) => active.includes(one)));
}

function section(title: string, rows: readonly KeyRow[], width: number): readonly Line[] {
  return [
    toLine([{ text: ` ${title}`, tone: "strong" }], width),
    ...rows.map((row) => keyLine(row, width)),
  ];
}

function keyLine(row: KeyRow, width: number): Line {
  const keys = row.keys.map(keyName).join(" ") + (row.asks === true ? "*" : "");
  const cells: Cell[] = [{ text: `  ${keys}`, width: 14, tone: "info" }, { text: row.help }];
  return toLine(cells, width);
}

function commandLines(width: number): readonly Line[] {
  const rows = lineCommands.map(({ usage, help }) =>
    toLine([{ text: `  :${usage}`, width: 44, tone: "info" }, help], width),
  );
  return [
    toLine(
      [{ text: " COMMANDS   also every key by its name, such as :pause", tone: "strong" }],
      width,
    ),
    ...rows,
  ];
}

function filterLines(fields: readonly Field[], width: number): readonly Line[] {
  const say =
    "words are ANDed, ! negates, a comma is OR: server:github outcome:denied,timeout took:>1s";
  return [
    toLine([{ text: " FILTER", tone: "strong" }], width),
    ...wrap(say, width - 4).map((line) => toLine([`  ${line}`], width)),
    ...fields.map(({ name, doc, words }) => {
      const values = words === undefined ? "" : `: ${words.join(" ")}`;
      return toLine([{ text: `  ${name}:`, width: 16, tone: "info" }, `${doc}${values}`], width);
    }),
  ];
}
