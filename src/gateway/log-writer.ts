/** JSON lines for collectors, readable ones for whoever sits before the gateway. */

import { isatty } from "node:tty";
import { stderrWriter } from "../base/log.ts";
import { readLine } from "../base/log-text.ts";
import type { Config } from "./config-model.ts";

/** Lines come as JSON: what makes them readable costs nothing where nobody reads them. */
export function logWriter(
  format: Config["log"]["format"],
  write = stderrWriter(),
  isTerminal = () => isatty(2),
): (line: string) => void {
  const isText = format === "text" || (format === "auto" && isTerminal());
  return isText ? (line) => write(`${readLine(line.trimEnd()).text}\n`) : write;
}
