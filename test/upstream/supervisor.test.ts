/** Servers that come and go: the gateway never waits for them, and finds them again. */

import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import type { ServerSettings } from "../../src/upstream/settings.ts";
import type { Upstream, UpstreamState } from "../../src/upstream/upstream.ts";
import { type FaultServer, faultServer, json, okResult, status } from "../kit/fault-server.ts";
import { freePort } from "../kit/free-port.ts";
import { opened } from "../kit/opened.ts";
import {
  callTool,
  httpUpstream,
  startCall,
  testUpstream,
  until,
  untilState,
} from "../kit/upstream.ts";

const { keep } = opened();

async function upstreamOf(config: ServerSettings): Promise<Upstream> {
  const upstream = await testUpstream(config);
  keep(upstream);
  return upstream;
}

type Options = Parameters<typeof faultServer>[1];

async function good(options: Options = {}): Promise<FaultServer> {
  const server = await faultServer(
    (socket, request) => void socket.write(json(okResult(request))),
    options,
  );
  keep(server);
  return server;
}

test("a server that is down at start is found within 2 s of its start, and states are told", async () => {
  const port = await freePort();
  const upstream = await upstreamOf(httpUpstream(`http://127.0.0.1:${port}/mcp`));
  const states: UpstreamState[] = [];
  upstream.onChange(() => states.push(upstream.status().state));
  upstream.start();
  await untilState(upstream, "backoff");
  expect(upstream.status().cause).toContain("ECONNREFUSED");
  expect(upstream.status().nextAttemptMs).toBeGreaterThan(Date.now());
  await good({ port });
  await untilState(upstream, "ready", 2_000);
  expect(states).toEqual(["starting", "backoff", "starting", "ready"]);
  expect(upstream.status().cause).toBeUndefined();
});

test("calls to a server in backoff share one attempt at once", async () => {
  const port = await freePort();
  const upstream = await upstreamOf(httpUpstream(`http://127.0.0.1:${port}/mcp`));
  upstream.start();
  await untilState(upstream, "backoff");
  const server = await good({ port });
  const all = await Promise.all([1, 2, 3, 4].map(() => callTool(upstream, "t")));
  expect(all.map(({ kind }) => kind)).toEqual(["response", "response", "response", "response"]);
  expect(server.requests.filter(({ method }) => method === "server/discover").length).toBe(1);
});

test("a call to a server that is down fails at once, and nothing was sent", async () => {
  const port = await freePort();
  const upstream = await upstreamOf(httpUpstream(`http://127.0.0.1:${port}/mcp`));
  const began = performance.now();
  const outcome = await callTool(upstream, "t");
  expect(outcome).toMatchObject({ kind: "thrown", text: "GW_UPSTREAM_DOWN", ends: 0 });
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(upstream.status().inFlight).toBe(0);
});

test("localhost finds a server on either family", async () => {
  for (const host of ["127.0.0.1", "::1"]) {
    const server = await good({ host });
    const upstream = await upstreamOf(
      httpUpstream(`http://localhost:${new URL(server.url).port}/mcp`),
    );
    upstream.start();
    await untilState(upstream, "ready");
  }
});

test("401 and 500 are no evidence of the era: nothing else is tried", async () => {
  for (const code of [401, 403, 500, 503, 302]) {
    const server = await faultServer((socket) => void socket.write(status(code)), {
      handles: ["server/discover"],
    });
    keep(server);
    const upstream = await upstreamOf(httpUpstream(server.url));
    upstream.start();
    await untilState(upstream, "backoff");
    expect(upstream.status().cause).toContain(`HTTP ${code}`);
    expect(server.requests.map(({ method }) => method)).toEqual(["server/discover"]);
  }
});

test("the era found is remembered: a legacy server is not probed again", async () => {
  const port = await freePort();
  const first = await good({ port, session: () => "s" });
  const upstream = await upstreamOf(httpUpstream(first.url));
  upstream.start();
  await untilState(upstream, "ready");
  await first.close();
  expect((await callTool(upstream, "t")).text).toContain("GW_UPSTREAM");
  const second = await good({ port, session: () => "s" });
  await untilState(upstream, "ready", 3_000);
  expect(second.requests.map(({ method }) => method)).not.toContain("server/discover");
});

test("degraded while calls fail for the connection's sake, ready after a good one", async () => {
  const server = await faultServer((socket, request, count) => {
    socket.write(count === 1 ? status(500) : json(okResult(request)));
  });
  keep(server);
  const upstream = await upstreamOf(httpUpstream(server.url));
  upstream.start();
  await untilState(upstream, "ready");
  await callTool(upstream, "t");
  expect(upstream.status()).toMatchObject({ state: "degraded", cause: "it answered HTTP 500" });
  await callTool(upstream, "t");
  expect(upstream.status().state).toBe("ready");
});

test("a disabled server is never dialled", async () => {
  const server = await good();
  const upstream = await upstreamOf(httpUpstream(server.url, { enabled: false }));
  upstream.start();
  expect((await callTool(upstream, "t")).text).toBe("GW_SERVER_DISABLED");
  expect(upstream.status().state).toBe("disabled");
  expect(server.accepted()).toBe(0);
  // What the config disables is disabled after a stop as well.
  await upstream.stop();
  expect(upstream.status().state).toBe("disabled");
});

test("stop ends calls in flight once, whatever is going on", async () => {
  const server = await faultServer(() => undefined);
  keep(server);
  const upstream = await upstreamOf(httpUpstream(server.url));
  upstream.start();
  await untilState(upstream, "ready");
  const running = startCall(upstream, "t");
  await running.call;
  await until(() => server.requests.some(({ method }) => method === "tools/call"));
  await upstream.stop();
  expect(await running.end).toMatchObject({ kind: "failed", ends: 1 });
  const starting = await upstreamOf(httpUpstream(server.url));
  starting.start();
  await starting.stop();
  expect(starting.status()).toMatchObject({ state: "stopped", cause: "the gateway is stopping" });
});

/** Pages by cursor: "" is the first. */
async function paged(pages: Record<string, string>): Promise<Upstream> {
  const server = await faultServer(
    (socket, request) => {
      const cursor = JSON.parse(request.body).params.cursor ?? "first";
      const text = `{"jsonrpc":"2.0","id":${request.id},"result":${pages[cursor]}}`;
      const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
      socket.write(`${head}${Buffer.byteLength(text)}\r\n\r\n${text}`);
    },
    { handles: ["tools/list"] },
  );
  keep(server);
  const upstream = await upstreamOf(httpUpstream(server.url));
  upstream.start();
  await untilState(upstream, "ready");
  return upstream;
}

test("a list is all its pages, each item as the server wrote it", async () => {
  const upstream = await paged({
    first: '{"tools": [ {"name":"a", "x": 12345678901234567890.10} ],"nextCursor":""}',
    "": '{"tools":[{"name":"ü","unknown":{"b":[1.0]}}, {"name":"c"}],"nextCursor":"z"}',
    z: '{"tools":[]}',
  });
  expect((await upstream.list("tools/list")).items.map(({ text }) => text)).toEqual([
    '{"name":"a", "x": 12345678901234567890.10}',
    '{"name":"ü","unknown":{"b":[1.0]}}',
    '{"name":"c"}',
  ]);
});

test("a list whose cursors go round, or that is none, is refused", async () => {
  const round = await paged({
    first: '{"tools":[],"nextCursor":"a"}',
    a: '{"tools":[],"nextCursor":"a"}',
  });
  expect(round.list("tools/list")).rejects.toThrow('Cannot list "tools/list"');
  const none = await paged({ first: '{"tools":{}}' });
  expect(none.list("tools/list")).rejects.toThrow('Cannot list "tools/list"');
  const items = await paged({ first: '{"tools":[{"name":"a"},5]}' });
  expect(items.list("tools/list")).rejects.toThrow('Cannot list "tools/list"');
  expect((await items.list("prompts/list")).items).toEqual([]);
});

test("R11 pages that are too much together are refused, however few each holds", async () => {
  const description = "d".repeat(12_000_000);
  const page = (name: string, nextCursor: string) =>
    JSON.stringify({ tools: [{ name, description }], nextCursor });
  const upstream = await paged({ first: page("a", "b"), b: page("b", "c"), c: page("c", "d") });
  await expect(upstream.list("tools/list")).rejects.toMatchObject({
    why: `all its pages are over ${limits.listBytes} bytes`,
  });
});

test("a server that refuses the version and names it as its own is asked once more", async () => {
  const refusal = (id: number | undefined, supported: readonly string[]) => {
    const error = { code: -32022, message: "no", data: { supported, requested: "x" } };
    const body = JSON.stringify({ jsonrpc: "2.0", id, error });
    return status(400, body, "Content-Type: application/json\r\n");
  };
  const cases = [
    { supported: ["2026-07-28"], state: "ready", asked: 2 },
    { supported: ["2027-01-01"], state: "backoff", asked: 1 },
  ] as const;
  for (const { supported, state, asked } of cases) {
    const server = await faultServer(
      (socket, request, count) => {
        const hello = { supportedVersions: ["2026-07-28"], capabilities: {} };
        const answer = { jsonrpc: "2.0", id: request.id, result: hello };
        socket.write(count === 1 ? refusal(request.id, supported) : json(answer));
      },
      { handles: ["server/discover"] },
    );
    keep(server);
    const upstream = await upstreamOf(httpUpstream(server.url));
    const states: UpstreamState[] = [];
    upstream.onChange(() => states.push(upstream.status().state));
    upstream.start();
    await untilState(upstream, state);
    expect(states).toEqual(["starting", state]);
    const probes = server.requests.filter(({ method }) => method === "server/discover");
    expect(probes.length).toBe(asked);
  }
});
