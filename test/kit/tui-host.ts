/** Holds `authensor-gw tui` in a pseudo-terminal and says "attached" when it shows calls. */

import process from "node:process";
import { binaryPath } from "./binary.ts";
import { openTerminal } from "./terminal.ts";

const config = process.argv[2] ?? "";
await using terminal = openTerminal([await binaryPath(), "tui", "--config", config], {
  columns: 160,
  rows: 48,
});
await terminal.sees("live");
process.stdout.write("attached\n");
process.exitCode = await terminal.ended;
