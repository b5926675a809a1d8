/** U14 in a process of its own, so that nobody else's garbage is counted: prints its figures. */

import { join } from "node:path";
import process from "node:process";
import { startCall, stdioUpstream, testUpstream, untilState } from "./upstream.ts";

const command = [process.execPath, join(import.meta.dir, "fault-child.ts"), "echo"];
const config = stdioUpstream(command, { protocol: "legacy", maxInFlight: 100_000 });
const upstream = await testUpstream(config);
upstream.start();
await untilState(upstream, "ready");
process.kill(upstream.status().pid!, "SIGSTOP");
Bun.gc(true);
const before = process.memoryUsage().rss;
const args = { text: "x".repeat(10_000) };
let busy = 0;
const began = performance.now();
for (let count = 0; count < 10_000; count += 1) {
  await startCall(upstream, "t", args).call.catch((error) => {
    if (error.code === "GW_UPSTREAM_BUSY") busy += 1;
  });
}
const ms = performance.now() - began;
Bun.gc(true);
const rssBytes = process.memoryUsage().rss - before;
process.stdout.write(`${JSON.stringify({ busy, ms, rssBytes })}\n`);
process.kill(upstream.status().pid!, "SIGKILL");
process.exit(0);
