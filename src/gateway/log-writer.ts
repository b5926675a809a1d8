/** JSON lines for collectors, readable ones for whoever sits before the gateway. */

import process from "node:process";
import { stderrWriter } from "../base/log.ts";
import { readLine } from "../base/log-text.ts";
import type { Config } from "./config-model.ts";

/**
 * Lines come as JSON: what makes them readable costs nothing where nobody reads them. What stderr
 * is, is asked at the first line: node:tty takes 2 ms of a start.
 */
export function logWriter(
  format: Config["log"]["format"],
  write = stderrWriter(),
  isTerminal = () => process.getBuiltinModule("node:tty").isatty(2),
): (line: string) => void {
  const asText = (line: string) => write(`${readLine(line.trimEnd()).text}\n`);
  let to: ((line: string) => void) | undefined;
  return (line) => {
    to ??= format === "text" || (format === "auto" && isTerminal()) ? asText : write;
    to(line);
  };
}
