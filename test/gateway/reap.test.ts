/** U11 as the first process of a container: what falls to the gateway is no zombie for long. */

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { startGateway } from "../kit/gateway.ts";
import { childrenOf, commandLine } from "../kit/processes.ts";
import { until } from "../kit/upstream.ts";

const root = process.getuid?.() === 0;
const child = join(import.meta.dir, "../kit/fault-child.ts");
/** Three that lose their parent at once, and end soon after; then a server that stays. */
const script = `for i in 1 2 3; do setsid sh -c 'sleep 0.3 & exit' & done; exec "$0" "$1" echo`;

test.skipIf(!root)(
  "U11 a gateway that is process 1 reaps what it never started",
  async () => {
    const inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    expect(spawnSync(inside[0]!, [...inside.slice(1), "true"]).status).toBe(0);
    await using gateway = await startGateway({
      config: {
        servers: {
          s: { command: ["sh", "-c", script, process.execPath, child], protocol: "legacy" },
        },
      },
      policy: "id: p\ndeny: ['*/*']\n",
      wrap: inside,
    });
    // Seen from outside, where the first process is the child of unshare.
    const first = childrenOf(gateway.child().pid)[0]?.pid ?? 0;
    await until(() => sleepers(first) > 0 || zombies(first) > 0, 5_000);
    await until(() => sleepers(first) === 0 && zombies(first) === 0, 8_000);
    expect(commandLine(first)).toContain("serve");
    process.kill(first, "SIGTERM");
  },
  30_000,
);

function zombies(of: number): number {
  return childrenOf(of).filter(({ state }) => state === "Z").length;
}

function sleepers(of: number): number {
  return childrenOf(of).filter(({ pid }) => commandLine(pid)[0] === "sleep").length;
}
