/** Command lines run in this process, each in a folder of its own. */

import { afterAll } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { runCommandLine } from "../../src/cli/run.ts";

export function commandLines() {
  const home = mkdtempSync(join(tmpdir(), "cli-"));
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  return {
    home,
    /** Writes a file below the folder of a command line; gives its path. */
    writeIn(folder: string, name: string, text: string): string {
      const path = join(home, folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    /** A command line in a folder of its own below the test's home. */
    async gw(folder: string, ...argv: string[]) {
      const cwd = join(home, folder);
      mkdirSync(cwd, { recursive: true });
      const out: string[] = [];
      const err: string[] = [];
      const code = await runCommandLine(argv, {
        out: (line) => out.push(line),
        err: (line) => err.push(line),
        env: {
          HOME: cwd,
          PATH: process.env["PATH"],
          XDG_CONFIG_HOME: join(cwd, "cfg"),
          XDG_STATE_HOME: join(cwd, "state"),
          XDG_RUNTIME_DIR: join(cwd, "run"),
        },
        cwd,
        interactive: false,
      });
      return { code, out: out.join("\n"), err: err.join("\n"), cwd };
    },
  };
}
