/**
 * The unit of `service print`, measured: systemd's own verdict on it, and the compiled binary with
 * a real server inside walls like those it puts up (user, no capabilities, system calls, read-only
 * root, empty homes), talking to a recorded notify socket. Needs root and Debian's systemd.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { binaryPath } from "../kit/binary.ts";
import { startGateway } from "../kit/gateway.ts";
import { notifySocket } from "../kit/notify-socket.ts";
import { proof } from "../kit/proof.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { everything, filesystem } from "../kit/servers.ts";

const run = proof("prove:service");
const nobody = "65534";
const folder = mkdtempSync(join(tmpdir(), "gw-service-"));
/** What mounts, user and capabilities do; calls are walls.ts'. The working folder is ours. */
const walls = `set -e
own=$PWD
mount --make-rprivate /
chown -R ${nobody}:${nobody} "$own"
mount --bind "$own" "$own"
for hidden in /home /root /mnt; do mount -t tmpfs -o mode=755,ro tmpfs $hidden; done
findmnt -rno TARGET | grep -v -e "^/proc" -e "^/sys" -e "^/dev" -e "^$own" | while read -r place; do
  mount -o remount,bind,ro "$place" || true
done
umask 077
cd "$own"
exec setpriv --reuid ${nobody} --regid ${nobody} --clear-groups --no-new-privs \\
  --inh-caps=-all --bounding-set=-all "$0" "$@"`;

installSystemd();

const unit = await printed("authensor-gw.service");
run.bar("systemd-analyze verify", said("verify", unit.file) || "clean", !said("verify", unit.file));
const own = await printed("user/authensor-gw.service", "--user");
const ownSaid = said("verify", "--user", own.file);
run.bar("systemd-analyze verify, --user", ownSaid || "clean", ownSaid === "");
const exposure = exposureOf(unit.file);
run.bar("systemd-analyze security, 2.0 or less", exposure, exposure <= 2);

await installed();
await insideTheWalls(unit.text);
rmSync(folder, { recursive: true, force: true });
run.end();

function installSystemd(): void {
  if (spawnSync("systemd-analyze", ["--version"]).status === 0) return;
  execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "systemd"]);
}

async function printed(name: string, ...options: string[]) {
  const config = join(folder, "authensor-gw.yaml");
  writeFileSync(
    config,
    "data_dir: /var/lib/authensor-gw\nadmin: { socket: /run/authensor-gw/admin.sock }\n",
  );
  const command = ["service", "print", "--config", config, ...options];
  const text = execFileSync(await binaryPath(), command, { encoding: "utf8" });
  const file = join(folder, name.replace("/", "-"), "authensor-gw.service");
  execFileSync("install", ["-D", "-m", "644", "/dev/stdin", file], { input: text });
  return { text, file };
}

/** What it complains about; "" for nothing. */
function said(...args: readonly string[]): string {
  const env = { ...process.env, XDG_RUNTIME_DIR: folder };
  const found = spawnSync("systemd-analyze", [...args], { encoding: "utf8", env });
  return `${found.stdout}${found.stderr}`.trim();
}

function exposureOf(file: string): number {
  const text = said("security", "--offline=yes", "--no-pager", file);
  return Number(/exposure level for .*: ([\d.]+)/.exec(text)?.[1] ?? "10");
}

/** What is missing is said, the printed command mends it, and then systemd is asked to start it. */
async function installed(): Promise<void> {
  const script = join(import.meta.dirname, "install.sh");
  const place = join(folder, "install");
  execFileSync("mkdir", [place]);
  const args = ["--mount", "sh", script, await binaryPath(), place];
  const { stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8" });
  const steps = [
    ...["install 69", "try: chgrp authensor-gw", "install 0"],
    ...["systemctl daemon-reload", "systemctl enable authensor-gw.service"],
    ...["systemctl restart authensor-gw.service", "systemctl disable --now authensor-gw.service"],
  ];
  const missing = steps.filter((step) => !stdout.includes(step));
  if (missing.length > 0) run.say(stdout + stderr);
  run.bar("install and uninstall", missing.join("; ") || "as asked", missing.length === 0);
}

async function insideTheWalls(text: string): Promise<void> {
  const filters = [...text.matchAll(/^SystemCallFilter=(.*)$/gm)].map(([, filter = ""]) => filter);
  const socket = await notifySocket(join(folder, "notify"));
  execFileSync("chmod", ["-R", "a+rwX", folder]);
  const inner = [process.execPath, join(import.meta.dirname, "walls.ts"), ...filters, "--"];
  await using gateway = await startGateway({
    config: {
      servers: { everything: everything(), files: filesystem("/usr/share") },
    },
    policy: "id: p\nallow: ['everything/*', 'files/*']\n",
    env: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "900000" },
    wrap: ["unshare", "--mount", "sh", "-c", walls, ...inner],
  });
  await socket.says("STATUS=2/2 servers ready", 20_000);
  await socket.says("WATCHDOG=1");
  run.bar("inside the walls: servers", "2 of 2 ready", true);
  const status = execFileSync("cat", [`/proc/${gateway.child().pid}/status`], { encoding: "utf8" });
  const walled = ["Uid:\t65534", "Seccomp:\t2", "NoNewPrivs:\t1", "CapBnd:\t0000000000000000"];
  const missing = walled.filter((line) => !status.includes(line));
  run.bar(
    "inside the walls: user, system calls, capabilities",
    missing.join() || "as in the unit",
    missing.length === 0,
  );
  const agent = await rawAgent(gateway.url, await gateway.key("executor"));
  const echoed = await agent.call("everything__echo", { message: "walled" });
  run.bar("inside the walls: a call", echoed.text, echoed.text.includes("walled"));
  const write = agent.call("files__write_file", { path: "/usr/share/x", content: "x" });
  const refused = await write.then(
    () => "written",
    (error: Error) => /EROFS|EACCES|read-only/i.exec(error.message)?.[0] ?? error.message,
  );
  run.bar("inside the walls: a server writes elsewhere", refused, refused !== "written");
  const long = agent.call("everything__trigger-long-running-operation", { duration: 2, steps: 2 });
  await Bun.sleep(300);
  const exit = gateway.stop();
  const drained = await long.then(() => "answered", String);
  run.bar("TERM with a call of 2 s in flight", drained, drained === "answered");
  run.bar("exit code", String(await exit), (await exit) === 0);
  const told = new Set(
    socket
      .received()
      .flat()
      .map((line) => line.split("=")[0] ?? ""),
  );
  const expected = ["READY", "STATUS", "WATCHDOG", "STOPPING"];
  run.bar(
    "notify socket",
    [...told].join(" "),
    expected.every((name) => told.has(name)),
  );
  await socket.stop();
}
