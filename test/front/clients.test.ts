/** Real SDK clients of both families against the front over a real listener. */

import { afterEach, describe, expect, test } from "bun:test";
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { limits } from "../../src/base/limits.ts";
import { bunRuntime } from "../../src/runtime/bun.ts";
import { type Got, type World, world } from "./kit.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of undo.reverse()) await close();
  undo.length = 0;
});

const tool = { name: "a__b", inputSchema: { type: "object" } };

/** Lists one tool; a call says its progress before its result when asked to, or waits for ever. */
function behave({ incoming, reply }: Got): void {
  const { message, era } = incoming;
  const modern = era === "modern";
  const answer = (result: object) => {
    const text = JSON.stringify({ ...result, ...(modern ? { resultType: "complete" } : {}) });
    reply.send(200, [`{"jsonrpc":"2.0","id":${message.idText},"result":${text}}`]);
  };
  const { arguments: args, _meta } = message.params as {
    arguments?: { how?: string };
    _meta?: { progressToken?: unknown };
  };
  if (args?.how === "progress") {
    const params = { progressToken: _meta?.progressToken, progress: 1, total: 2 };
    reply.notify(JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params }));
  }
  if (message.method === "ping") answer({});
  else if (message.method === "tools/list") answer({ tools: [tool], ...(modern ? cached : {}) });
  else if (args?.how !== "wait") answer({ content: [{ type: "text", text: `${era} é` }] });
}

const cached = { ttlMs: 0, cacheScope: "private" };

async function serve(): Promise<{ made: World; url: URL }> {
  const ports: number[] = [];
  const made = world(behave, { ports });
  const listener = await bunRuntime.listen({
    address: { host: "127.0.0.1", port: 0 },
    bodyBytesMax: limits.bodyBytes,
    idleSeconds: limits.httpIdleSeconds,
    handle: made.front.handle,
  });
  ports.push(listener.port);
  undo.push(
    () => listener.stop(true),
    () => made.front.close(),
  );
  return { made, url: new URL(`http://localhost:${listener.port}/mcp`) };
}

function headers(key: string) {
  return { requestInit: { headers: { Authorization: `Bearer ${key}` } } };
}

async function until(true_: () => boolean): Promise<void> {
  for (let at = 0; at < 200 && !true_(); at++) await Bun.sleep(10);
  expect(true_()).toBe(true);
}

describe("the v1 client", () => {
  async function connect(key = "alice") {
    const { made, url } = await serve();
    const client = new Client({ name: "v1", version: "1" });
    const transport = new StreamableHTTPClientTransport(url, headers(key));
    await client.connect(transport as Parameters<typeof client.connect>[0]);
    undo.push(() => client.close());
    return { made, client, transport };
  }
  test("connects, lists, calls, pings", async () => {
    const { client } = await connect();
    expect((await client.listTools()).tools[0]?.name).toBe("a__b");
    const result = await client.callTool({ name: "a__b", arguments: {} });
    expect(result.content).toEqual([{ type: "text", text: "legacy é" }]);
    await client.ping();
    expect(client.getServerVersion()?.name).toBe("authensor-gw");
  });
  test("gets progress before the result", async () => {
    const { client } = await connect();
    const seen: number[] = [];
    const params = { name: "a__b", arguments: { how: "progress" } };
    await client.callTool(params, undefined, { onprogress: ({ progress }) => seen.push(progress) });
    expect(seen).toEqual([1]);
  });
  test("cancels", async () => {
    const { made, client } = await connect();
    const stop = new AbortController();
    const params = { name: "a__b", arguments: { how: "wait" } };
    const call = client.callTool(params, undefined, { signal: stop.signal });
    await until(() => made.got.length === 1);
    stop.abort("enough");
    await expect(call).rejects.toThrow();
    await until(() => made.got[0]?.cancelled === "the client cancelled the request");
  });
  test("hears that the list changed", async () => {
    const { made, client } = await connect();
    let heard = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard++);
    await client.listTools();
    await until(() => made.front.status().streams === 1);
    made.lists.set("alice", "second");
    await made.changed();
    await until(() => heard === 1);
  });
  test("ends its session", async () => {
    const { made, client, transport } = await connect();
    expect(made.front.status().sessions).toBe(1);
    await transport.terminateSession();
    await until(() => made.front.status().sessions === 0);
    await expect(client.listTools()).rejects.toThrow();
  });
  test("learns why its key does not open, without an OAuth hunt", async () => {
    await expect(connect("expired")).rejects.toThrow("GW_KEY_EXPIRED");
    await expect(connect("viewer")).rejects.toThrow("GW_ROLE");
  });
});

describe("the v2 client", () => {
  async function connect(mode: "legacy" | "auto" | { pin: string }, key = "alice") {
    const { made, url } = await serve();
    const client = new ModernClient({ name: "v2", version: "2" }, { versionNegotiation: { mode } });
    await client.connect(new ModernTransport(url, headers(key)));
    undo.push(() => client.close());
    return { made, client };
  }
  test.each([["auto"], [{ pin: "2026-07-28" }], ["legacy"]] as const)(
    "in mode %p lists and calls",
    async (mode) => {
      const { made, client } = await connect(mode);
      const era = mode === "legacy" ? "legacy" : "modern";
      expect(client.getProtocolEra()).toBe(era);
      expect((await client.listTools()).tools[0]?.name).toBe("a__b");
      const seen: number[] = [];
      const params = { name: "a__b", arguments: { how: "progress" } };
      const result = await client.callTool(params, {
        onprogress: ({ progress }) => seen.push(progress),
      });
      expect(result.content).toEqual([{ type: "text", text: `${era} é` }]);
      expect(seen).toEqual([1]);
      expect(made.front.status().sessions).toBe(mode === "legacy" ? 1 : 0);
    },
  );
  test("cancels by leaving", async () => {
    const { made, client } = await connect("auto");
    const stop = new AbortController();
    const call = client.callTool(
      { name: "a__b", arguments: { how: "wait" } },
      { signal: stop.signal },
    );
    await until(() => made.got.length === 1);
    stop.abort("enough");
    await expect(call).rejects.toThrow();
    await until(() => made.got[0]?.cancelled === "the client closed the response");
  });
  test("listens for list changes", async () => {
    const { made, client } = await connect("auto");
    let heard = 0;
    client.setNotificationHandler("notifications/tools/list_changed", () => void heard++);
    const subscription = await client.listen({ toolsListChanged: true });
    made.lists.set("alice", "second");
    await made.changed();
    await until(() => heard === 1);
    await subscription.close();
    await until(() => made.front.status().streams === 0);
  });
  test("learns that its key does not open, without an OAuth hunt", async () => {
    await expect(connect("auto", "expired")).rejects.toThrow("HTTP 401");
  });
});
