/**
 * U9: five secrets are planted in a gateway, and a server looks for them in /proc. As another user,
 * and as the gateway's own; as root it must find them, or the look proves nothing.
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { binaryPath } from "../kit/binary.ts";
import { startGateway } from "../kit/gateway.ts";
import { childrenOf, commandLine } from "../kit/processes.ts";
import type { Proof } from "../kit/proof.ts";
import { rawAgent } from "../kit/raw-agent.ts";

const nobody = "65534";
const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];

interface Looked {
  readonly uid: number;
  readonly found: readonly string[];
  readonly opened: readonly string[];
}

export async function proveSecrets(run: Proof): Promise<void> {
  if (process.getuid?.() !== 0) {
    run.say("secrets: only root can become other users, and see that the look finds anything");
    found(run, "the gateway's own user", await looked([], []));
    return;
  }
  const other = await looked([], asNobody);
  const same = await looked(asNobody, []);
  const root = await looked([], []);
  const ofRoot = new Set(root.found.map((row) => row.split(" ")[0])).size;
  run.bar("secrets: found by a server that is root, of 5", ofRoot, ofRoot === 5);
  found(run, "another user", other);
  found(run, "the gateway's own user", same);
}

function found(run: Proof, who: string, { uid, found: rows, opened }: Looked): void {
  const figure = `${rows.join(", ") || 0} (could open ${opened.join(", ")})`;
  run.bar(`secrets: found by a server of ${who}`, figure, uid !== 0 && rows.length === 0);
}

/** `gateway` and `server` go before their commands. */
async function looked(gateway: readonly string[], server: readonly string[]): Promise<Looked> {
  const place = mkdtempSync(join(tmpdir(), "gw-secrets-"));
  chmodSync(place, 0o755);
  const words = Array.from({ length: 5 }, () => `planted-${randomBytes(12).toString("hex")}`);
  const [unused = "", variable = "", credential = "", file = "", query = ""] = words;
  const reader = join(place, "reader.ts");
  copyFileSync(join(import.meta.dirname, "../kit/servers/proc-reader.ts"), reader);
  const program = join(place, "authensor-gw");
  copyFileSync(await binaryPath(), program);
  mkdirSync(join(place, "secrets"), { mode: 0o700 });
  writeFileSync(join(place, "secrets", "file"), file, { mode: 0o600 });
  writeFileSync(join(place, "secrets", "cred"), credential, { mode: 0o600 });
  if (gateway.length > 0) execFileSync("chown", ["-R", `${nobody}:${nobody}`, place]);
  await using running = await startGateway({
    command: [program],
    config: {
      // Root sends no key to a socket of another user.
      auth: "none",
      servers: {
        reader: { command: [...server, process.execPath, reader], protocol: "legacy" },
        away: {
          url: `http://127.0.0.1:9/?key=${query}`,
          headers: {
            "X-A": "${PLANTED_VARIABLE}",
            "X-B": `\${file:${join(place, "secrets", "file")}}`,
            "X-C": `\${file:${join(place, "secrets", "cred")}}`,
          },
        },
      },
    },
    policy: 'id: p\nrules: [{id: all, effect: allow, tools: ["*/*"], other_args: any}]\n',
    env: { PLANTED_UNUSED: unused, PLANTED_VARIABLE: variable },
    wrap: [...ownedBy(gateway)],
  });
  const agent = await rawAgent(running.url, "");
  const { pid } = running.child();
  const guards = childrenOf(pid).filter((one) => commandLine(one.pid)[1] === "guard");
  const pids = [pid, ...guards.map((one) => one.pid)];
  const backwards = words.map((word) => [...word].reverse().join(""));
  const answer = await agent.call("reader__look", { pids, words: backwards });
  await running.stop();
  rmSync(place, { recursive: true, force: true });
  return JSON.parse(answer.text) as Looked;
}

/** The folder was made by root, with root's key store in it. */
function ownedBy(gateway: readonly string[]): readonly string[] {
  if (gateway.length === 0) return [];
  const script = `chown -R ${nobody}:${nobody} "$PWD" && exec "$@"`;
  return ["sh", "-c", script, "sh", ...gateway];
}
