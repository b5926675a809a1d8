/** Runs systemd's own programs. */

import { execFile } from "node:child_process";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";

export type Systemctl = (...args: readonly string[]) => Promise<string>;

/** `systemctl [--user] …`; gives stdout. Throws GW_SERVICE with what it said. */
export function systemctl({ io }: Invocation, user: boolean): Systemctl {
  return (...args) => runProgram("systemctl", [...(user ? ["--user"] : []), ...args], io.env);
}

export function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { PATH, HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = env;
  const own = { PATH, HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS, LC_ALL: "C.UTF-8" };
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { env: own, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      const said = printable(stderr.trim().split("\n").slice(-3).join("; "));
      reject(
        fault("GW_SERVICE", {
          message: `Cannot run "${[program, ...args].join(" ")}"`,
          cause: missing ? `there is no ${program} here` : said || error.message,
          ...(missing
            ? { fix: "`authensor-gw service print` prints the unit for another machine" }
            : {}),
        }),
      );
    });
  });
}
