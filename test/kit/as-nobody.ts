/** Another user, who may not look into what the one of the tests keeps for himself. */

import process from "node:process";
import { programCommand } from "./gateway.ts";

/** Another user needs root to be. */
export const canBeNobody = process.getuid?.() === 0 && Bun.which("setpriv") !== null;

/** Runs a command of the CLI as `nobody`, with these groups beside. */
export async function asNobody(
  groups: readonly number[],
  config: string,
  words: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const drop = ["setpriv", "--reuid", "65534", "--regid", "65534"];
  const more = groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")];
  const command = [...drop, ...more, ...(await programCommand("bun")), ...words];
  const env = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", NO_COLOR: "1" };
  const done = Bun.spawnSync([...command, "--config", config], { cwd: "/", env });
  return { code: done.exitCode, stdout: `${done.stdout}`, stderr: `${done.stderr}` };
}
