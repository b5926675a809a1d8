/** `authensor-gw stdio`: MCP on stdin and stdout, through the gateway there is or a started one. */

import process from "node:process";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Config } from "../gateway/config-model.ts";
import { runStdio } from "../gateway/stdio-door.ts";
import type { Invocation } from "./command.ts";
import { needConfig } from "./context.ts";
import { localToken } from "./local-key.ts";
import { reachGateway } from "./stdio-start.ts";
import { wrappedConfig } from "./stdio-wrap.ts";

export async function run(call: Invocation): Promise<number> {
  const { io, args, options } = call;
  const wraps = args.length > 0;
  for (const name of ["policy", "env"]) {
    if (wraps || !options.has(name)) continue;
    const message = `The option --${name} of stdio goes with a command`;
    throw fault("GW_USAGE", { message, fix: "write the server's command after --" });
  }
  const config: Config = wraps ? wrappedConfig(call) : needConfig(call, true);
  const token = await localToken(call, config, wraps);
  const ended = await runStdio({
    token,
    bodyBytes: config.limits.bodyBytes,
    input: process.stdin,
    output: process.stdout,
    reach: () => reachGateway(config, io),
    note: (line) => io.err(`authensor-gw stdio: ${printable(line)}`),
    stopped: signalled(),
  });
  return ended === "unreadable" ? 1 : 0;
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
      process.once(name, () => resolve());
  });
}
