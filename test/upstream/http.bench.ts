/**
 * CPU µs of this process per call through an HTTP upstream, against an echo server in a process of
 * its own. Run: `npx bun test/upstream/http.bench.ts`. Budget: 36 at 200 B and 32 concurrent.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { httpUpstream, testUpstream } from "../kit/upstream.ts";
import { load } from "./load.ts";

const script = `
const seen = { name: "echo", version: "1" };
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", async fetch(request) {
  const { id, method, params } = await request.json();
  const result = method === "server/discover"
    ? { supportedVersions: ["2026-07-28"], capabilities: { tools: {} }, _meta: {} }
    : { resultType: "complete", content: [{ type: "text", text: params.arguments.text }] };
  return Response.json({ jsonrpc: "2.0", id, result });
} });
console.log(server.port);`;

async function main(): Promise<void> {
  const echo = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(echo.stdout, "data")) as [Buffer];
  const upstream = await testUpstream(httpUpstream(`http://127.0.0.1:${Number(String(line))}/mcp`));
  upstream.start();
  const meta = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';
  try {
    for (const [bytes, concurrent, calls] of [
      [200, 32, 20_000],
      [200, 32, 30_000],
      [200, 1, 5_000],
      [200, 256, 30_000],
      [10_000, 32, 10_000],
      [1_000_000, 8, 300],
    ] as const) {
      const text = "x".repeat(bytes);
      const params = Buffer.from(`{"name":"echo","arguments":{"text":"${text}"},"_meta":${meta}}`);
      const cpu = process.cpuUsage();
      const began = performance.now();
      await load(upstream, params, concurrent, calls);
      const { user, system } = process.cpuUsage(cpu);
      const rate = calls / ((performance.now() - began) / 1000);
      const each = ((user + system) / calls).toFixed(1);
      console.log(`${bytes} B, ${concurrent} concurrent: ${each} µs CPU, ${rate.toFixed(0)}/s`);
    }
  } finally {
    await upstream.stop();
    echo.kill();
  }
}

await main();
