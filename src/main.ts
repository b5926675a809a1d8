#!/usr/bin/env bun
/** The program: argv in, exit code out. */

import process from "node:process";
import { terminalIo } from "./cli/print.ts";
import { runCommandLine } from "./cli/run.ts";

process.exitCode = await runCommandLine(process.argv.slice(2), terminalIo());
