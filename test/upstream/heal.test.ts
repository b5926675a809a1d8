/** Servers that are restarted, forget sessions or change their protocol: nobody notices. */

import { describe, expect, test } from "bun:test";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { type FaultServer, faultServer, json, okResult, status } from "../kit/fault-server.ts";
import { freePort } from "../kit/free-port.ts";
import { opened } from "../kit/opened.ts";
import {
  callTool,
  httpUpstream,
  originOf,
  testUpstream,
  until,
  untilState,
} from "../kit/upstream.ts";

const { keep, ready } = opened();

let sessions = 0;
const error = (id: unknown, code: number, message: string) =>
  JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } });

/** As the SDK's: a session it does not know is 404, none at all 400. */
async function legacyServer(port: number): Promise<FaultServer> {
  sessions += 1;
  const id = `s${sessions}`;
  return faultServer(
    (socket, request) => {
      const { head } = request;
      if (head.includes(`Mcp-Session-Id: ${id}\r\n`)) socket.write(json(okResult(request)));
      else if (head.includes("Mcp-Session-Id")) {
        socket.write(status(404, error(null, -32001, "Session not found")));
      } else socket.write(status(400, error(null, -32000, "Bad Request: Server not initialized")));
    },
    { port, session: () => id, capabilities: { tools: {}, logging: {} } },
  );
}

/** It knows no `initialize`, and no request without the headers of its revision. */
async function modernServer(port: number): Promise<FaultServer> {
  return faultServer(
    (socket, request) => {
      const named = request.head.includes("Mcp-Method: tools/call\r\n");
      if (named) socket.write(json(okResult(request)));
      else socket.write(status(400, error(request.id ?? null, -32022, "Unsupported version")));
    },
    { port, handles: ["tools/call", "initialize"] },
  );
}

const servers = { legacy: legacyServer, modern: modernServer };
type Era = keyof typeof servers;

async function connected(server: FaultServer): Promise<Upstream> {
  return await ready(await testUpstream(httpUpstream(server.url)));
}

const calls = ({ requests }: FaultServer) =>
  requests.filter(({ method }) => method === "tools/call").length;

describe("a server that is restarted at once", () => {
  const cases: readonly (readonly [Era, Era])[] = [
    ["legacy", "legacy"],
    ["legacy", "modern"],
    ["modern", "legacy"],
    ["modern", "modern"],
  ];
  for (const [before, after] of cases) {
    test(`${before}, then ${after}: the next call is answered, and ran once`, async () => {
      const port = await freePort();
      const first = await servers[before](port);
      const upstream = await connected(first);
      expect(upstream.hello()?.era).toBe(before);
      expect(await callTool(upstream, "t")).toMatchObject({ kind: "response" });
      await first.close();
      const second = await servers[after](port);
      keep(second);
      expect(await callTool(upstream, "t")).toMatchObject({ kind: "response", ends: 1 });
      expect(upstream.hello()?.era).toBe(after);
      await untilState(upstream, "ready");
      // What it refused did not run.
      expect(calls(second)).toBeLessThanOrEqual(2);
      const before2 = calls(second);
      const many = await Promise.all([1, 2, 3].map(() => callTool(upstream, "t")));
      expect(many.map(({ kind }) => kind)).toEqual(["response", "response", "response"]);
      expect(calls(second)).toBe(before2 + 3);
      expect(upstream.status()).toMatchObject({ state: "ready", inFlight: 0 });
    });
  }

  test("ten calls at once all find it, and each runs once", async () => {
    const port = await freePort();
    const first = await legacyServer(port);
    const upstream = await connected(first);
    await first.close();
    const second = await modernServer(port);
    keep(second);
    const all = await Promise.all(Array.from({ length: 10 }, () => callTool(upstream, "t")));
    expect(all.map(({ kind, ends }) => `${kind} ${ends}`)).toEqual(Array(10).fill("response 1"));
    const ran = second.requests.filter(({ head }) => head.includes("Mcp-Method: tools/call"));
    expect(ran.length).toBe(10);
  });

  test("a session of its own (instance) is made anew with the log level of its clients", async () => {
    const port = await freePort();
    const first = await legacyServer(port);
    const upstream = await connected(first);
    const origin = originOf("k", { elicitation: {} }, { logLevel: "debug" });
    expect((await callTool(upstream, "t", {}, { origin })).kind).toBe("response");
    await first.close();
    const second = await legacyServer(port);
    keep(second);
    expect(await callTool(upstream, "t", {}, { origin })).toMatchObject({
      kind: "response",
      ends: 1,
    });
    const level = second.requests.filter(({ method }) => method === "logging/setLevel");
    expect(level.length).toBeGreaterThan(0);
    const offers = second.requests.filter(({ method }) => method === "initialize");
    expect(offers.some(({ body }) => body.includes('"elicitation"'))).toBe(true);
  });
});

test("a call that never left is sent once more, not more often", async () => {
  const port = await freePort();
  const first = await modernServer(port);
  const upstream = await connected(first);
  await first.close();
  const began = performance.now();
  expect(await callTool(upstream, "t")).toMatchObject({
    kind: "failed",
    text: "GW_UPSTREAM_DOWN",
    mayHaveRun: false,
    ends: 1,
  });
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(upstream.status()).toMatchObject({ state: "backoff", inFlight: 0 });
});

test("a client with new capabilities waits no second for a stream without a head", async () => {
  const server = await faultServer(
    (socket, request) => {
      // A stream whose head comes with its first event, which never comes.
      if (request.method !== "") socket.write(json(okResult(request)));
    },
    { session: () => "s", handles: ["tools/call", ""] },
  );
  keep(server);
  const upstream = await connected(server);
  const origin = originOf("k", { elicitation: {} });
  const began = performance.now();
  expect((await callTool(upstream, "t", {}, { origin })).kind).toBe("response");
  expect(performance.now() - began).toBeLessThan(500);
  await until(() => upstream.status().inFlight === 0);
});
