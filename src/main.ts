#!/usr/bin/env bun
/** The program: argv in, exit code out. */

import process from "node:process";
import { terminalIo } from "./cli/print.ts";
import { runCommandLine } from "./cli/run.ts";

/** Ink and React are read only by who wants to see them. */
const tui = async () => (await import("../tui/open.ts")).openTui;

process.exitCode = await runCommandLine(process.argv.slice(2), terminalIo(), tui);
