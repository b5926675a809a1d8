/** A server that answers a request before it has read all of it. */

import { expect, test } from "bun:test";
import { faultServer, json, okResult } from "../kit/fault-server.ts";
import { opened } from "../kit/opened.ts";
import { callTool, httpUpstream, testUpstream } from "../kit/upstream.ts";

const { keep, ready } = opened();

test("F27 behind a request that was answered before it was sent stands no other", async () => {
  const answer = (
    socket: { write(text: string): unknown },
    request: Parameters<typeof okResult>[0],
  ) => void socket.write(json(okResult(request)));
  const server = await faultServer(answer, { earlyBytes: 1e6 });
  keep(server);
  const upstream = await ready(await testUpstream(httpUpstream(server.url)));
  for (const size of [16e6, 10, 16e6, 10, 10]) {
    const outcome = await callTool(upstream, "t", { a: "x".repeat(size) });
    expect(outcome).toMatchObject({ kind: "response", ends: 1 });
  }
  const calls = server.requests.filter(({ method }) => method === "tools/call");
  expect(calls.length).toBe(5);
});
