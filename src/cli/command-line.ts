/** Command lines of fixes as they can be run here: with the config that this command was given. */

import { fault, type GatewayError } from "../base/errors.ts";
import { shellWord } from "../base/shell-word.ts";
import { findConfig } from "../gateway/config-find.ts";
import type { Invocation } from "./command.ts";
import { commands } from "./commands.ts";

/** `keys list` → `authensor-gw keys list --config FILE`. */
export function commandLine({ options, io }: Invocation): (words: string) => string {
  const named = options.text("config") ?? io.env["AUTHENSOR_GW_CONFIG"] ?? "";
  const file = named === "" ? undefined : findConfig({ path: named, env: {}, cwd: io.cwd });
  const rest = file === undefined ? "" : ` --config ${shellWord(file)}`;
  return (words) => `authensor-gw ${words}${rest}`;
}

/** The same error; commands in its fix are those of here. */
export function fixHere(error: GatewayError, call: Invocation): GatewayError {
  const { code, message, why: cause, data } = error;
  return fault(code, { message, cause, data, fix: commandsHere(error.fix, call) });
}

/** The same words; commands in them, between backticks or all of it, are those of here. */
export function commandsHere(words: string, call: Invocation): string {
  const command = commandLine(call);
  const here = (line: string, rest: string) => (takesConfig(rest) ? command(rest) : line);
  return words
    .replaceAll(/(?<=`)authensor-gw ([^`]+)(?=`)/g, here)
    .replace(/^authensor-gw ([^`:;,]+)$/, here);
}

function takesConfig(words: string): boolean {
  if (words.includes("--config")) return false;
  const [first = "", second = ""] = words.split(" ");
  const named = [`${first} ${second}`, first];
  const command = commands.find(({ name }) => named.includes(name));
  return command?.options.some(({ name }) => name === "config") === true;
}
