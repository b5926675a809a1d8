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

const waiting = limits.inFlightPerServer;

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
  const slow = await rawAgent(gateway.url, await gateway.key("executor", "slow"));
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
  let calls = 0;
  const hang = () =>
    fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: slow.headers,
      body: JSON.stringify({
        ...{ jsonrpc: "2.0", id: ++calls, method: "tools/call" },
        params: { name: "hung__t", arguments: { n: calls } },
      }),
    }).then((answer) => answer.text());
  await compareWindows(run, {
    ...{ what: `${waiting} calls wait for a server that hangs`, pace, windows },
    ...{ seconds: 0.4, callsPerSecond: 400 },
    async begin() {
      for (let call = 0; call < waiting; call += 1) void hang();
      await until((inFlight) => inFlight === waiting);
    },
    async end() {
      await admin.post(paths.serverRestart, { server: "hung" });
      await until((inFlight) => inFlight === 0);
    },
  });
  pace.close();
  await hung.kill9();
  await steady.stop();
}
