/** The tables of docs/tui.md that are made from the code; what is between them people write. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { callFields } from "../../src/base/call-fields.ts";
import { type Context, keymap, keyName } from "../../tui/keys.ts";
import { lineCommands } from "../../tui/line.ts";
import { screens } from "../../tui/screens.ts";

const parts: Readonly<Record<string, () => readonly string[]>> = {
  keys: keyRows,
  fields: fieldRows,
  commands: commandRows,
};

export function tuiText(): string {
  const text = readFileSync(join(import.meta.dirname, "../../docs/tui.md"), "utf8");
  return Object.entries(parts).reduce((whole, [name, rows]) => {
    const begin = whole.indexOf(`<!-- ${name}:`);
    const from = whole.indexOf("\n", begin) + 1;
    const to = whole.indexOf(`<!-- /${name} -->`);
    if (begin < 0 || to < from) throw new Error(`docs/tui.md has no place for ${name}`);
    return `${whole.slice(0, from)}\n${rows().join("\n")}\n\n${whole.slice(to)}`;
  }, text);
}

function keyRows(): readonly string[] {
  const rows = keymap.map((row) => {
    const keys = row.keys.map((key) => `\`${keyName(key)}\``).join(" ");
    const role = row.role === undefined ? "" : row.role;
    const asks = row.asks === true ? "\\*" : "";
    const where = row.in.map((one) => contextNames[one]).join(", ");
    return `| ${keys}${asks} | ${where} | ${row.help} | ${role} |`;
  });
  return ["| key | where | what it does | needs |", "| --- | --- | --- | --- |", ...rows];
}

const contextNames: Readonly<Record<Context, string>> = {
  ...{ everywhere: "", call: "open call", calls: "Calls" },
  ...{ servers: "Servers", tools: "Tools", health: "Health" },
};

/** Calls have theirs in docs/filter.md. */
function fieldRows(): readonly string[] {
  const rows = screens
    .filter(({ fields }) => fields !== callFields)
    .flatMap(({ title, fields }) =>
      fields.map(({ name, kind, words = [], doc }) => {
        const of = kind === "word" ? `: ${words.map((word) => `\`${word}\``).join(" ")}` : "";
        return `| ${title} | \`${name}:\` | ${doc}${of} |`;
      }),
    );
  return ["| screen | field | holds |", "| --- | --- | --- |", ...rows];
}

function commandRows(): readonly string[] {
  const rows = lineCommands.map(
    ({ usage, help }) => `| \`:${usage.replaceAll("|", "\\|")}\` | ${help} |`,
  );
  return ["| command | what it does |", "| --- | --- |", ...rows];
}
