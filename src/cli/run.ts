/** One command line from argv to exit code: the only place that catches and prints errors. */

import { asFault, describe, fault, GatewayError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Command, OpenTui } from "./command.ts";
import { commands } from "./commands.ts";
import { helpText } from "./help.ts";
import { parseArguments } from "./parse.ts";
import type { Io } from "./print.ts";

/** argv without program and script; `tui` loads the terminal interface. Never throws. */
export async function runCommandLine(
  argv: readonly string[],
  io: Io,
  tui?: () => Promise<OpenTui>,
): Promise<number> {
  try {
    return await dispatch(withTui(argv), io, tui);
  } catch (thrown) {
    return report(asFault(thrown, `Cannot run "authensor-gw ${argv[0] ?? ""}"`), io);
  }
}

async function dispatch(
  argv: readonly string[],
  io: Io,
  tui?: () => Promise<OpenTui>,
): Promise<number> {
  // `--version` is what people try first.
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
    return dispatch(["version"], io);
  }
  const parsed = parseArguments(argv);
  if (parsed.wantsHelp) {
    io.out(helpText(parsed.command, parsed.family));
    return 0;
  }
  const command = parsed.command ?? (await commandForNone(parsed.options.text("config"), io));
  if (command === undefined) return (await import("./welcome.ts")).welcome(io);
  const run = await command.load();
  const call = { args: parsed.args, options: parsed.options, io };
  try {
    return await run(tui === undefined ? call : { ...call, tui });
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    throw (await import("./command-line.ts")).fixHere(thrown, call);
  }
}

/** No command: `serve` where a config is, else undefined. */
async function commandForNone(path: string | undefined, io: Io): Promise<Command | undefined> {
  const { findConfig } = await import("../gateway/config-find.ts");
  if (findConfig({ path, env: io.env, cwd: io.cwd }) === undefined) return undefined;
  return commands.find((command) => command.name === "serve");
}

/** `--tui`, alone or with serve, is `tui --start`; `demo --tui` is an option of demo. */
function withTui(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  const at = argv.indexOf("--tui");
  if (at < 0 || (end >= 0 && end < at)) return argv;
  const rest = argv.filter((_, index) => index !== at);
  const [first = ""] = rest;
  if (first === "demo" || first === "help") return argv;
  if (first === "" || first.startsWith("-")) return ["tui", "--start", ...rest];
  if (first === "serve" || first === "tui") return ["tui", "--start", ...rest.slice(1)];
  throw wrongTui(first);
}

function wrongTui(first: string): GatewayError {
  const message = `--tui does not go with "${printable(first)}"`;
  return fault("GW_USAGE", { message, fix: "authensor-gw --tui, or authensor-gw demo --tui" });
}

function report(error: GatewayError, io: Io): number {
  // Problems of a file were printed where they were found, one by one.
  if (error.data["shown"] !== true) io.err(describe(error));
  return error.spec.exit;
}
