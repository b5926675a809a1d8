/** One command line from argv to exit code: the only place that catches and prints errors. */

import { asFault, describe, fault, type GatewayError } from "../base/errors.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { helpText } from "./help.ts";
import { parseArguments } from "./parse.ts";
import type { Io } from "./print.ts";

/** argv without program and script. Never throws. */
export async function runCommandLine(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (thrown) {
    return report(asFault(thrown, `Cannot run "authensor-gw ${argv[0] ?? ""}"`), io);
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes("--tui") && argv[0] !== "--") throw noTui();
  // `--version` is what people try first.
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) {
    return dispatch(["version"], io);
  }
  const parsed = parseArguments(argv);
  if (parsed.wantsHelp) {
    io.out(helpText(parsed.command));
    return 0;
  }
  const command = parsed.command ?? (await commandForNone(parsed.options.text("config"), io));
  if (command === undefined) return (await import("./welcome.ts")).welcome(io);
  const run = await command.load();
  return await run({ args: parsed.args, options: parsed.options, io });
}

/** No command: `serve` where a config is, else undefined. */
async function commandForNone(path: string | undefined, io: Io): Promise<Command | undefined> {
  const { findConfig } = await import("../gateway/config-find.ts");
  if (findConfig({ path, env: io.env, cwd: io.cwd }) === undefined) return undefined;
  return commands.find((command) => command.name === "serve");
}

/** The one place that knows there is no terminal interface yet. */
function noTui(): GatewayError {
  return fault("GW_USAGE", {
    message: "The terminal interface is not in this version yet",
    fix: "`authensor-gw status` and `authensor-gw receipts list` show what it will show",
  });
}

function report(error: GatewayError, io: Io): number {
  // Problems of a file were printed where they were found, one by one.
  if (error.data["shown"] !== true) io.err(describe(error));
  return error.spec.exit;
}
