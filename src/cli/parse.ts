/**
 * From argv to a command and its options. cac splits the words, unless they are everyday ones: that
 * takes 2 ms of a start. What they mean stands here.
 */

import { cac } from "cac";
import { fault, type GatewayError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { printable } from "../base/printable.ts";
import type { Command, Options } from "./command.ts";
import { commands, laterCommands } from "./commands.ts";
import { splitPlain } from "./parse-plain.ts";

export interface Parsed {
  /** undefined: no command was named, or only the first word of several: `family`. */
  readonly command: Command | undefined;
  /** The word that several commands begin with, where help is wanted of all of them. */
  readonly family?: string;
  readonly args: readonly string[];
  readonly options: Options;
  readonly wantsHelp: boolean;
}

/** argv without program and script. Throws GW_USAGE naming what is meant. `quick`: for tests. */
export function parseArguments(argv: readonly string[], quick = splitPlain): Parsed {
  const family = helpFamily(argv);
  if (family !== undefined) {
    const options: Options = { has: () => false, text: () => undefined, all: () => [] };
    return { command: undefined, family, args: [], options, wantsHelp: true };
  }
  const { command, words } = splitCommand(argv);
  const plain = command && quick(words, command.options);
  if (plain === undefined) return parseFully(command, words);
  const { args, values } = plain;
  checkCount(command, args);
  return { command, args, options: optionsOf(values), wantsHelp: false };
}

function parseFully(command: Command | undefined, words: readonly string[]): Parsed {
  const cli = cac("authensor-gw");
  cli.option("-h, --help", "help");
  const row = cli.command("run", "", { allowUnknownOptions: true });
  // Without a command all options are known words: `--config x` alone means serve.
  const known = command?.options ?? commands.flatMap((one) => one.options);
  for (const option of new Map(known.map((one) => [one.name, one])).values()) {
    const short = option.short === undefined ? "" : `-${option.short}, `;
    const value = option.value === undefined ? "" : " <value>";
    row.option(`${short}--${option.name}${value}`, option.doc);
  }
  const { args, options } = cli.parse(["", "", "run", ...words.map(guard)], { run: false });
  const rest = (options["--"] as string[] | undefined) ?? [];
  const values = readValues(options, command);
  const plain = [...args, ...rest].map((word) => unguard(String(word)));
  const wantsHelp = options["help"] === true;
  if (!wantsHelp) checkCount(command, plain);
  return { command, args: plain, options: values, wantsHelp };
}

/** `help keys`, `keys --help`: no command of its own, and the question has an answer. */
function helpFamily(argv: readonly string[]): string | undefined {
  const words = argv.filter((word) => !["help", "-h", "--help"].includes(word));
  const [word = ""] = words;
  if (words.length !== 1 || argv.length !== 2) return undefined;
  if (commands.some(({ name }) => name === word)) return undefined;
  return commands.some(({ name }) => name.startsWith(`${word} `)) ? word : undefined;
}

/**
 * cac turns 007 into 7 and 1e3 into 1000; a mark in front of each value keeps it as it is written.
 */
const mark = "\u0001";

function guard(word: string): string {
  if (!word.startsWith("-") || word === "-") return mark + word;
  const equals = word.indexOf("=");
  return equals === -1 ? word : `${word.slice(0, equals + 1)}${mark}${word.slice(equals + 1)}`;
}

function unguard(word: string): string {
  return word.startsWith(mark) ? word.slice(mark.length) : word;
}

/** cac has no two-word commands: the first two words are joined when the table has the pair. */
function splitCommand(argv: readonly string[]): {
  command: Command | undefined;
  words: readonly string[];
} {
  const at = firstWord(argv);
  const first = argv[at];
  if (first === undefined) return { command: undefined, words: argv };
  if (first === "help") {
    const { command } = splitCommand(argv.slice(at + 1));
    return { command, words: ["--help"] };
  }
  const before = argv.slice(0, at);
  const pair = `${first} ${argv[at + 1] ?? ""}`;
  for (const [name, length] of [
    [pair, 2],
    [first, 1],
  ] as const) {
    const command = commands.find((one) => one.name === name);
    if (command) return { command, words: [...before, ...argv.slice(at + length)] };
  }
  throw unknownCommand(first, argv[at + 1]);
}

/** Index of the first word that is neither an option nor an option's value. */
function firstWord(argv: readonly string[]): number {
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (!word.startsWith("-") || word === "--") return at;
    const known = new Map(
      commands.flatMap((one) => one.options).map((one) => [one.name, one.value !== undefined]),
    );
    const name = word.split("=")[0]?.slice(2) ?? "";
    if (["-h", "--help"].includes(word)) continue;
    // Said here already: what follows would be taken for a command.
    if (!word.startsWith("--") || !known.has(name)) throw strayOption(word, [...known.keys()]);
    if (known.get(name) && !word.includes("=")) at++;
  }
  return at;
}

function strayOption(word: string, known: readonly string[]): GatewayError {
  return unknownOption(word.startsWith("--") ? word.slice(2) : word.slice(1), known, undefined);
}

function unknownCommand(first: string, second: string | undefined): GatewayError {
  const shown = commands.filter((one) => one.hidden !== true).map((one) => one.name);
  const family = shown.filter((name) => name.startsWith(`${first} `));
  const pair = second === undefined || second.startsWith("-") ? first : `${first} ${second}`;
  const later = laterCommands.find((name) => name === first || name === pair);
  if (later !== undefined) {
    const message = `The command "${later}" is not in this version yet`;
    return fault("GW_USAGE", { message, fix: "`authensor-gw help` lists what there is" });
  }
  if (family.length > 0 && pair === first) {
    const words = family.map((name) => name.slice(first.length + 1)).join(", ");
    const message = `"${printable(first)}" needs one of ${words}`;
    return fault("GW_USAGE", { message, fix: `authensor-gw ${family[0]}` });
  }
  if (family.length > 0) {
    const message = `The command "${printable(pair)}" is not known`;
    const like = nearest(pair, family);
    const fix = like === undefined ? `one of ${family.join(", ")}` : `authensor-gw ${like}`;
    return fault("GW_USAGE", { message, fix });
  }
  const firsts = shown.map((name) => name.split(" ")[0] ?? "");
  const like = nearest(pair, shown) ?? nearest(first, firsts);
  return fault("GW_USAGE", {
    message: `The command "${printable(first)}" is not known`,
    ...(like === undefined ? {} : { fix: `authensor-gw ${like}` }),
  });
}

function readValues(options: Record<string, unknown>, command: Command | undefined): Options {
  const known = new Map(
    (command?.options ?? commands.flatMap((one) => one.options)).map((one) => [one.name, one]),
  );
  // cac gives both names of an option that has a short one.
  const shorts = new Set([...known.values()].map(({ short }) => short));
  const values = new Map<string, string[]>();
  for (const [written, raw] of Object.entries(options)) {
    if (written === "--" || written === "help" || written === "h") continue;
    if (shorts.has(written)) continue;
    const name = dashed(written);
    const option = known.get(name);
    if (option === undefined) throw unknownOption(name, [...known.keys()], command);
    if (
      option.value !== undefined &&
      (raw === true || (Array.isArray(raw) && raw.includes(true)))
    ) {
      throw fault("GW_USAGE", {
        message: `The option --${name} needs a value`,
        fix: `write --${name} ${option.value}, or --${name}=${option.value} when it begins with -`,
      });
    }
    const list = (Array.isArray(raw) ? raw : [raw]).filter((one) => one !== false);
    if (list.length > 0)
      values.set(
        name,
        list.map((one) => unguard(String(one))),
      );
  }
  return optionsOf(values);
}

function optionsOf(values: ReadonlyMap<string, readonly string[]>): Options {
  return {
    has: (name) => values.has(name),
    text: (name) => values.get(name)?.at(-1),
    all: (name) => values.get(name) ?? [],
  };
}

/** cac gives `keyFile` for --key-file. */
function dashed(name: string): string {
  return [...name].map((c) => (c >= "A" && c <= "Z" ? `-${c.toLowerCase()}` : c)).join("");
}

function unknownOption(
  name: string,
  known: readonly string[],
  command: Command | undefined,
): GatewayError {
  const like = nearest(name, known);
  const where = command === undefined ? "" : ` for "${command.name}"`;
  const dashes = name.length === 1 ? "-" : "--";
  const help = `authensor-gw help ${command?.name ?? ""}`.trim();
  // What the command behind it is given looks like an option of ours.
  const marked = `if it is one of the server's command, put -- before that command; ${help}`;
  const fix = command?.name === "stdio" ? marked : help;
  return fault("GW_USAGE", {
    message: `The option ${dashes}${printable(name)} is not known${where}`,
    fix: like === undefined ? fix : `write --${like}`,
  });
}

function checkCount(command: Command | undefined, args: readonly string[]): void {
  if (command === undefined) return;
  const [least, most] = command.args;
  if (args.length >= least && args.length <= most) return;
  const message =
    args.length < least
      ? `"${command.name}" needs ${command.usage.split(" ")[0]}`
      : `"${command.name}" does not take "${printable(args[most] ?? "")}"`;
  throw fault("GW_USAGE", { message, fix: `authensor-gw ${command.name} ${command.usage}` });
}
