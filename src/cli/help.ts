/** Help texts, made from the table of commands. */

import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { table } from "./print.ts";

/** `family`: only the commands that begin with this word. */
export function helpText(command: Command | undefined, family?: string): string {
  if (command !== undefined) return helpOf(command);
  return family === undefined ? overview() : familyOf(family);
}

function familyOf(word: string): string {
  return [
    `Usage: authensor-gw ${word} COMMAND [options]`,
    "",
    table(rowsOf(({ name }) => name.startsWith(`${word} `))),
    "",
    `\`authensor-gw help ${word} COMMAND\` shows options and examples.`,
  ].join("\n");
}

/** Those that begin with the same word together, where the first of them stands. */
function rowsOf(wanted: (command: Command) => boolean): string[][] {
  const first = ({ name }: Command) => name.split(" ")[0] ?? "";
  const places = commands.map(first);
  return commands
    .filter((command) => command.hidden !== true && wanted(command))
    .toSorted((a, b) => places.indexOf(first(a)) - places.indexOf(first(b)))
    .map((command) => [`  ${command.name}`, command.summary]);
}

function overview(): string {
  const rows = rowsOf(() => true);
  return [
    "authensor-gw: an MCP gateway that decides every call by policy and keeps a receipt of it",
    "",
    "Usage: authensor-gw COMMAND [options]; without a command: serve",
    "",
    table(rows),
    "",
    "`authensor-gw help COMMAND` shows options and examples.",
    "Exit codes: 0 ok, 1 the answer is no, 2 incomplete, 3 usage, 69 unavailable, 70 internal,",
    "78 bad config.",
  ].join("\n");
}

function helpOf(command: Command): string {
  const lines = [`Usage: authensor-gw ${command.name} ${command.usage}`.trimEnd(), ""];
  lines.push(`${command.summary}.`);
  if (command.help !== undefined) lines.push(command.help);
  if (command.options.length > 0) {
    const rows = command.options.map((option) => [
      `  ${option.short === undefined ? "" : `-${option.short}, `}--${option.name}` +
        (option.value === undefined ? "" : ` ${option.value}`),
      option.doc,
    ]);
    lines.push("", "Options", table(rows));
  }
  if (command.examples !== undefined) {
    lines.push("", "Examples", ...command.examples.map((line) => `  authensor-gw ${line}`));
  }
  return lines.join("\n");
}
