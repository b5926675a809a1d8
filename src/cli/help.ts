/** Help texts, made from the table of commands. */

import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { table } from "./print.ts";

export function helpText(command: Command | undefined): string {
  return command === undefined ? overview() : helpOf(command);
}

function overview(): string {
  const rows = commands
    .filter((command) => command.hidden !== true)
    .map((command) => [`  ${command.name}`, command.summary]);
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
