/** Asks a person for a secret: nothing is echoed. */

import process from "node:process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { fault } from "../base/errors.ts";

/** Rejects GW_USAGE when the person gives up. */
export function askSecret(prompt: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(prompt);
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once("line", (line) => {
      process.stderr.write("\n");
      resolve(line.trim());
      lines.close();
    });
    lines.once("close", () => reject(fault("GW_USAGE", { message: "No key was given" })));
  });
}
