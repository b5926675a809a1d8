/**
 * Another user beside a running gateway, as root only: in the socket's group it sees live calls in
 * the TUI and no second listener appears; outside the group it is told owner, mode and group.
 */

import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { binaryPath } from "../kit/binary.ts";
import { startGateway } from "../kit/gateway.ts";
import { proof } from "../kit/proof.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { echo } from "../kit/servers.ts";
import { openTerminal } from "../kit/terminal.ts";

const run = proof("prove:users");
if (process.getuid?.() !== 0) {
  run.say("needs root, to become another user");
  run.bar("run as root", "no", false);
  run.end();
}
const group = "nogroup";
// What the other user may reach: the program, a home, and the folder of the socket.
const open = mkdtempSync(join(tmpdir(), "gw-users-"));
chmodSync(open, 0o755);
const program = join(open, "authensor-gw");
copyFileSync(await binaryPath(), program);
const home = join(open, "home");
mkdirSync(home);
chmodSync(home, 0o777);
const socket = join(open, "admin", "gateway.sock");

await using gateway = await startGateway({
  config: { servers: { s: echo() }, admin: { socket, group } },
  policy: 'id: p\nallow: ["s/*"]\n',
});
const agent = await rawAgent(gateway.url, await gateway.key("executor", "one"));
const before = listeners();

{
  await using terminal = openTerminal(as("65534", program, "tui", "--attach", socket), {
    columns: 120,
    rows: 30,
    env: { HOME: home },
  });
  await terminal.sees("live");
  await agent.call("s__echo", { text: "seen by another user" }, { id: 1, progressToken: 1 });
  const seen = await terminal.sees("s/echo").then(
    () => true,
    () => false,
  );
  run.bar("another user in the group sees the call live", seen ? "yes" : terminal.text(), seen);
  const now = listeners();
  run.bar("listeners before and beside the TUI", `${before.length} and ${now.length}`, same(now));
  terminal.type("q");
  const code = await terminal.ended;
  run.bar("leaving", `exit ${code}`, code === 0);
}
{
  await using terminal = openTerminal(as("60000", program, "tui", "--attach", socket), {
    columns: 120,
    env: { HOME: home },
  });
  const late = Bun.sleep(10_000).then(() => -1);
  const code = await Promise.race([terminal.ended, late]);
  const text = terminal.raw();
  const told = ["GW_SOCKET", "user root", `group ${group}`, "mode 0", "usermod"].every((part) =>
    text.includes(part),
  );
  run.bar("outside the group: told owner, mode and group", told ? `exit ${code}` : text, told);
  run.bar("no second gateway", `exit ${code}, ${listeners().length} listeners`, same(listeners()));
}
await gateway.stop();
rmSync(open, { recursive: true, force: true });
run.end();

function as(uid: string, ...command: readonly string[]): string[] {
  const gid = uid === "65534" ? "65534" : "60000";
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", ...command];
}

/** Of this proof's gateway and of all that runs the other user's copy of the program. */
function listeners(): readonly string[] {
  const lines = Bun.spawnSync(["ss", "-Hltnp"]).stdout.toString().trim().split("\n");
  const ours = lines.filter((line) => {
    const pid = Number(/pid=(\d+)/.exec(line)?.[1]);
    return pid === gateway.child().pid || programOf(pid) === program;
  });
  return ours.map((line) => line.split(/\s+/)[3] ?? "").sort();
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return ""; // it has just ended
  }
}

function same(now: readonly string[]): boolean {
  return now.join() === before.join();
}
