/** Many calls at once, whose bytes are read together at the end of a turn (upstream/came.ts). */

import { expect, test } from "bun:test";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  type FaultServer,
  faultServer,
  json,
  type Misbehave,
  okResult,
} from "../kit/fault-server.ts";
import { opened } from "../kit/opened.ts";
import { callTool, httpUpstream, testUpstream } from "../kit/upstream.ts";

const { keep, ready } = opened();

async function start(misbehave: Misbehave): Promise<{ server: FaultServer; upstream: Upstream }> {
  const server = await faultServer(misbehave);
  keep(server);
  return { server, upstream: await ready(await testUpstream(httpUpstream(server.url))) };
}

test("U27 many at once: an answer and the close right behind it are both heard, in order", async () => {
  const { server, upstream } = await start((socket, request) => {
    socket.write(json(okResult(request)));
    socket.end();
  });
  for (let round = 0; round < 5; round += 1) {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => callTool(upstream, "t")));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: "response", ends: 1 });
  }
  expect(server.requests.filter(({ method }) => method === "tools/call").length).toBe(100);
});

test("F27 many at once: bytes that nobody asked for never answer the next request", async () => {
  const forged = JSON.stringify({ jsonrpc: "2.0", id: 31, result: { content: [], forged: true } });
  const { upstream } = await start((socket, request) => {
    socket.write(json(okResult(request)));
    setTimeout(() => socket.write(json(forged)), 0);
  });
  for (let round = 0; round < 5; round += 1) {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => callTool(upstream, "t")));
    expect(JSON.stringify(outcomes)).not.toContain("forged");
    for (const { ends } of outcomes) expect(ends).toBe(1);
  }
});
