/** SDK clients that are asked in the middle of a call, lose their streams, or are of 2024. */

import { afterEach, describe, expect, test } from "bun:test";
import { createServer, connect as dial, type Socket } from "node:net";
import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { limits } from "../../src/base/limits.ts";
import type { ClientAnswer } from "../../src/call/incoming.ts";
import { bunRuntime } from "../../src/runtime/bun.ts";
import { type Got, type World, world } from "./kit.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of undo.reverse()) await close();
  undo.length = 0;
});

/** What a tool asks; the result tells what it was answered. */
const questions: Record<string, [method: string, params: object]> = {
  elicit: [
    "elicitation/create",
    { message: "é?", requestedSchema: { type: "object", properties: { a: { type: "string" } } } },
  ],
  sample: [
    "sampling/createMessage",
    { messages: [{ role: "user", content: { type: "text", text: "hi" } }], maxTokens: 5 },
  ],
  roots: ["roots/list", {}],
};

/** A call asks what its tool is called after; `slow` says its progress and waits. */
function behave({ incoming, reply }: Got): void {
  const { idText, params } = incoming.message;
  const name = String(params["name"]);
  const answer = (value: unknown) => {
    const content = [{ type: "text", text: JSON.stringify(value) }];
    const result = JSON.stringify({ content });
    reply.send(200, [`{"jsonrpc":"2.0","id":${idText},"result":${result}}`]);
  };
  if (name === "slow") {
    reply.notify(
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}',
    );
    return;
  }
  const [method, asked] = questions[name] ?? ["", {}];
  const question = reply.ask(method, [JSON.stringify(asked)]);
  question?.answer.then(
    (given: ClientAnswer) => answer(given.ok ? given.value : given.code),
    (thrown) => answer(thrown.code),
  );
  if (question === undefined) answer("cannot be asked");
}

/** The gateway, and a way to it that can be cut. */
async function serve(): Promise<{ made: World; url: string; cut(): void }> {
  const ports: number[] = [];
  const made = world(behave, { ports });
  const listener = await bunRuntime.listen({
    address: { host: "127.0.0.1", port: 0 },
    bodyBytesMax: limits.bodyBytes,
    idleSeconds: limits.httpIdleSeconds,
    handle: made.front.handle,
  });
  const open = new Set<Socket>();
  const way = createServer((socket) => {
    const inner = dial(listener.port, "127.0.0.1");
    open.add(socket);
    for (const end of [socket, inner]) end.on("error", () => {});
    socket.pipe(inner).pipe(socket);
    socket.on("close", () => {
      open.delete(socket);
      inner.destroy();
    });
  });
  await new Promise<void>((resolve) => way.listen(0, "127.0.0.1", resolve));
  const { port } = way.address() as { port: number };
  ports.push(port);
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  undo.push(
    () => listener.stop(true),
    () => made.front.close(),
    () => way.close(),
    cut,
  );
  return { made, url: `http://localhost:${port}`, cut };
}

const keyed = { requestInit: { headers: { Authorization: "Bearer alice" } } };
const capabilities = { elicitation: {}, sampling: {}, roots: {} };
const accepted = { action: "accept" as const, content: { a: "b" } };
const message = {
  ...{ role: "assistant" as const, model: "m" },
  content: { type: "text" as const, text: "yo" },
};
const root = { roots: [{ uri: "file:///r", name: "r" }] };

/** What the three tools say they were answered. */
const said = { elicit: accepted, sample: message, roots: root };

async function oldClient(kind: "streamable" | "sse") {
  const served = await serve();
  const client = new Client({ name: "v1", version: "1" }, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, async () => accepted);
  client.setRequestHandler(CreateMessageRequestSchema, async () => message);
  client.setRequestHandler(ListRootsRequestSchema, async () => root);
  const transport =
    kind === "sse"
      ? new SSEClientTransport(new URL(`${served.url}/sse`), keyed)
      : new StreamableHTTPClientTransport(new URL(`${served.url}/mcp`), keyed);
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  undo.push(() => client.close());
  return { ...served, client };
}

async function until(holds: () => boolean): Promise<void> {
  for (let at = 0; at < 500 && !holds(); at++) await Bun.sleep(10);
  expect(holds()).toBe(true);
}

function textOf(result: object): unknown {
  const { content } = result as { content: { text: string }[] };
  return JSON.parse(content[0]!.text);
}

describe.each(["streamable", "sse"] as const)("the v1 client over %s", (kind) => {
  test("answers elicitation, sampling and roots in the middle of its calls", async () => {
    const { client } = await oldClient(kind);
    for (const [name, expected] of Object.entries(said)) {
      expect(textOf(await client.callTool({ name, arguments: {} }))).toMatchObject(expected);
    }
  });
  test("twenty questions at once: each answer finds its call", async () => {
    const { client } = await oldClient(kind);
    const names = Array.from({ length: 20 }, (_, at) => Object.keys(said)[at % 3]!);
    const results = await Promise.all(
      names.map((name) => client.callTool({ name, arguments: {} })),
    );
    results.forEach((result, at) => {
      expect(textOf(result)).toMatchObject(said[names[at] as keyof typeof said]);
    });
  });
  test("an answer that fails is told as an error", async () => {
    const { client } = await oldClient(kind);
    client.setRequestHandler(ElicitRequestSchema, async () => {
      throw new Error("no");
    });
    const result = await client.callTool({ name: "elicit", arguments: {} });
    expect(textOf(result)).toBe(-32603);
  });
});

describe("a connection that breaks", () => {
  const finish = (got: Got) =>
    got.reply.send(200, [
      `{"jsonrpc":"2.0","id":${got.incoming.message.idText},"result":{"content":[]}}`,
    ]);

  test("the v1 client comes back for the answer of its call", async () => {
    const { made, client, cut } = await oldClient("streamable");
    const call = client.callTool({ name: "slow", arguments: {} });
    await until(() => made.got.length === 1);
    await Bun.sleep(50);
    cut();
    await Bun.sleep(50);
    finish(made.got[0]!);
    expect(await call).toMatchObject({ content: [] });
    expect(made.got).toHaveLength(1);
  }, 20_000);
  test("the v2 client in its legacy mode too", async () => {
    const { made, url, cut } = await serve();
    const client = new NewClient(
      { name: "v2", version: "2" },
      { versionNegotiation: { mode: "legacy" } },
    );
    await client.connect(new NewTransport(new URL(`${url}/mcp`), keyed));
    undo.push(() => client.close());
    const call = client.callTool({ name: "slow", arguments: {} });
    await until(() => made.got.length === 1);
    await Bun.sleep(50);
    cut();
    await Bun.sleep(50);
    finish(made.got[0]!);
    expect(await call).toMatchObject({ content: [] });
  }, 20_000);
  test("its standing stream comes back, and brings what changed meanwhile", async () => {
    const { made, client, cut } = await oldClient("streamable");
    const heard: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      heard.push(params.uri);
    });
    await until(() => made.front.status().streams === 1);
    const call = client.callTool({ name: "slow", arguments: {} });
    await until(() => made.got.length === 1);
    made.got[0]!.incoming.watched!.add("a:1");
    finish(made.got[0]!);
    await call;
    cut();
    await until(() => made.front.status().streams === 0);
    await made.resources.updated("a:1");
    await until(() => heard.length === 1);
    expect([heard, made.front.status().sessions]).toEqual([["a:1"], 1]);
  }, 20_000);
});

test("a v2 client in legacy mode answers what it is asked", async () => {
  const { url } = await serve();
  const client = new NewClient(
    { name: "v2", version: "2" },
    { capabilities, versionNegotiation: { mode: "legacy" } },
  );
  client.setRequestHandler("elicitation/create", async () => accepted);
  client.setRequestHandler("sampling/createMessage", async () => message);
  client.setRequestHandler("roots/list", async () => root);
  await client.connect(new NewTransport(new URL(`${url}/mcp`), keyed));
  undo.push(() => client.close());
  for (const [name, expected] of Object.entries(said)) {
    expect(textOf(await client.callTool({ name, arguments: {} }))).toMatchObject(expected);
  }
});
