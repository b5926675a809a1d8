/** HTTP servers that send far more than they say: what it costs the gateway, and others. */

import { afterEach, expect, test } from "bun:test";
import process from "node:process";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { faultServer, type Misbehave, okResult } from "../kit/fault-server.ts";
import { httpUpstream, startCall, testUpstream, untilState } from "../kit/upstream.ts";

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function start(misbehave: Misbehave): Promise<Upstream> {
  const server = await faultServer(misbehave);
  open.push({ stop: () => server.close() });
  const upstream = await testUpstream(httpUpstream(server.url));
  open.push(upstream);
  upstream.start();
  await untilState(upstream, "ready");
  return upstream;
}

test("R10 an answer in chunks of one byte costs little more than its bytes", async () => {
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const upstream = await start((socket, request) => {
    const [before, after] = JSON.stringify(okResult(request, "|")).split("|") as [string, string];
    const type = "Content-Type: application/json\r\nTransfer-Encoding: chunked";
    socket.write(`HTTP/1.1 200 OK\r\n${type}\r\n\r\n${chunk(before)}`);
    for (let count = 0; count < 90; count += 1) socket.write(chunk("x").repeat(10_000));
    socket.write(`${chunk(after)}0\r\n\r\n`);
  });
  const rss = () => process.memoryUsage().rss;
  const before = rss();
  const running = startCall(upstream, "t");
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, rss())), 5);
  const { kind, text } = await running.end;
  clearInterval(timer);
  expect(kind).toBe("response");
  expect(text.length).toBeGreaterThan(900_000);
  expect(most - before).toBeLessThan(64 * 1024 * 1024);
});
