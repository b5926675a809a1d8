/** U12: what outlived a gateway and its guard is ended by the next start, and by doctor told of. */

import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { markOfDataDir, readOwner } from "../../src/gateway/owner.ts";
import { findMarked, markName } from "../../src/upstream/marked.ts";
import { startGateway } from "../kit/gateway.ts";
import { alive, childrenOf, commandLine } from "../kit/processes.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { until } from "../kit/upstream.ts";

const script = join(import.meta.dir, "../kit/fault-child.ts");

test("U12 a start ends what is left of earlier runs of its data_dir, and nothing else", async () => {
  await using gateway = await startGateway({
    config: { servers: { s: { command: [process.execPath, script, "escapes"] } } },
    policy: 'id: p\nallow: ["s/*"]\n',
  });
  const data = join(gateway.folder, "data");
  const dir = (await markOfDataDir(data)) ?? "";
  expect(dir).toMatch(/^[0-9a-f]{16}$/);
  const first = readOwner(data)?.run ?? "";
  expect(first.startsWith(`${dir}.`)).toBe(true);
  const agent = await rawAgent(gateway.url, await gateway.key("executor"));
  const answer = await agent.call("s__t", {});
  const escaped = answer.text.match(/\d+/g)?.map(Number) ?? [];
  expect(escaped.map(alive)).toEqual([true, true]);

  // Another data_dir's, although it is a copy of this one.
  const copy = join(gateway.folder, "copy");
  cpSync(data, copy, { recursive: true });
  const other = spawn("sleep", ["300"], {
    env: { PATH: "/usr/bin:/bin", [markName]: `${await markOfDataDir(copy)}.run.1` },
    stdio: "ignore",
  });
  // Its guard first, or it would have done it.
  const { pid } = gateway.child();
  for (const guard of guardsOf(pid)) process.kill(guard, "SIGKILL");
  await gateway.kill9();
  expect(escaped.map(alive)).toEqual([true, true]);
  const told = await gateway.cli("doctor", "--json");
  expect(told.stdout).toContain("GW_STRAYS");
  expect(told.stdout).toContain(String(escaped[0]));

  await gateway.restart();
  await until(() => !escaped.some(alive), 5_000);
  await until(() => gateway.stderr().includes("ended processes of an earlier run"), 1_000);
  expect(alive(other.pid ?? 0)).toBe(true);
  other.kill("SIGKILL");
  const well = await gateway.cli("doctor", "--json");
  expect(well.stdout).not.toContain("GW_STRAYS");
  await gateway.stop();
  expect(await findMarked((mark) => mark.startsWith(dir))).toEqual([]);
}, 60_000);

function guardsOf(gateway: number): number[] {
  const pids = childrenOf(gateway).map(({ pid }) => pid);
  return pids.filter((pid) => commandLine(pid)[1] === "guard");
}
