/** R14: a server that takes calls and never answers does not slow down the calls of another. */

import { join } from "node:path";
import process from "node:process";
import { adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, paths } from "../../src/admin/contract.ts";
import { limits } from "../../src/base/limits.ts";
import { startChild } from "../kit/child.ts";
import { startGateway } from "../kit/gateway.ts";
import type { Proof } from "../kit/proof.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { echoHttp } from "../kit/servers.ts";
import { openPace } from "./pace.ts";
import { compareWindows } from "./windows.ts";

/** Of two keys: some are at the server, some wait for their turn, the others are refused. */
const calls = 2_000;
const there = limits.inFlightPerServer;
const kept = there + limits.queuedPerServer;

export async function neighbours(run: Proof, windows: number): Promise<void> {
  const script = join(import.meta.dirname, "../kit/servers/fault-http.ts");
  const hung = startChild([process.execPath, script, "hang"]);
  const [url] = await hung.says(/http:\/\/\S+/);
  const steady = await echoHttp();
  await using gateway = await startGateway({
    policy: 'id: p\nallow: ["*"]\n',
    config: { servers: { hung: { url }, steady: { url: steady.url } } },
  });
  const token = await gateway.key("executor", "fast");
  const slow = [
    await rawAgent(gateway.url, await gateway.key("executor", "slow")),
    await rawAgent(gateway.url, await gateway.key("executor", "slow-too")),
  ];
  const pace = await openPace({ url: `${gateway.url}/mcp`, token, tool: "steady__echo" });
  const admin = adminClient({
    socket: join(gateway.folder, "admin.sock"),
    key: gateway.adminToken,
  });
  /** Beginning and ending so many at once is not what is measured. */
  const until = async (holds: (inFlight: number) => boolean) => {
    for (const end = performance.now() + 10_000; performance.now() < end; await Bun.sleep(20)) {
      const { servers } = await admin.get<GatewayStatus>(paths.status);
      if (!holds(servers.find(({ id }) => id === "hung")?.inFlight ?? -1)) continue;
      await Bun.sleep(100);
      return;
    }
    throw new Error("the calls that wait are not as many as they must be");
  };
  let made = 0;
  const refused = new Map<string, number>();
  const hang = async () => {
    made += 1;
    const began = performance.now();
    const answer = await fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: slow[made % slow.length]?.headers ?? {},
      body: JSON.stringify({
        ...{ jsonrpc: "2.0", id: made, method: "tools/call" },
        params: { name: "hung__t", arguments: { n: made } },
      }),
    });
    const [code = "no code"] = /GW_[A-Z_]+/.exec(await answer.text()) ?? [];
    if (code !== "GW_UPSTREAM_BUSY" && code !== "GW_KEY_BUSY") return;
    refused.set(code, (refused.get(code) ?? 0) + 1);
    slowest = Math.max(slowest, performance.now() - began);
  };
  let slowest = 0;
  let rounds = 0;
  await compareWindows(run, {
    ...{ what: `${calls} calls of a server that hangs`, pace, windows },
    ...{ seconds: 0.4, callsPerSecond: 400 },
    async begin() {
      rounds += 1;
      for (let call = 0; call < calls; call += 1) void hang();
      await until((inFlight) => inFlight === there && made - sum(refused) === rounds * kept);
    },
    async end() {
      // What waited has its turn, and hangs as well.
      let left: number = there;
      while (left > 0) {
        await admin.post(paths.serverRestart, { server: "hung" });
        await until((inFlight) => {
          left = inFlight;
          return inFlight === 0 || inFlight === there;
        });
      }
    },
  });
  run.say(`refused: ${JSON.stringify([...refused])}, the slowest after ${slowest.toFixed(0)} ms`);
  const rest = rounds * (calls - kept);
  run.bar(
    `calls over max_in_flight and max_queued, refused with a code`,
    sum(refused),
    sum(refused) === rest,
  );
  pace.close();
  await hung.kill9();
  await steady.stop();
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, one) => all + one, 0);
}
