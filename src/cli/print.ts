/** The one place that writes to the terminal. Text from outside goes through `printable` first. */

import process from "node:process";
import { onAllTaken, writeTo } from "../base/unwritten.ts";

/** What a command may touch of the world outside; a test gives its own. */
export interface Io {
  /** A line on stdout: the answer. */
  out(line: string): void;
  /** A line on stderr: errors, notes, where data comes from. */
  err(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** A person can be asked. */
  readonly interactive: boolean;
  /**
   * Ends the process when its output was taken, whatever still waits: a name may not resolve.
   * `hard`: by SIGKILL, so that nothing of it is closed before the kernel has ended all of it.
   */
  leave?(code: number, hard?: boolean): void;
}

export function terminalIo(): Io {
  return {
    out: writer("stdout"),
    err: writer("stderr"),
    env: process.env,
    cwd: process.cwd(),
    leave(code, hard = false) {
      const end = () => (hard ? process.kill(process.pid, "SIGKILL") : process.exit(code));
      setTimeout(() => onAllTaken(end), leaveMs).unref();
    },
    // Asked by few commands, and opening the streams takes 3 ms of a start.
    get interactive() {
      return process.stdin.isTTY === true && process.stderr.isTTY === true;
    },
  };
}

/** What ends by itself does so within this time. */
const leaveMs = 250;

function writer(name: "stdout" | "stderr"): (line: string) => void {
  let opened = false;
  return (line) => {
    // A reader like `head` that goes away early is not an error of ours.
    if (!opened) process[name].on("error", ignorePipe);
    opened = true;
    writeTo(name, `${line}\n`);
  };
}

function ignorePipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** Rows as columns, two spaces apart; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) {
      widths[at] = Math.max(widths[at] ?? 0, cell.length);
    }
  }
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("  ");
  return rows.map(line).join("\n");
}
