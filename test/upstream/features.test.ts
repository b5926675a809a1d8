/** Log level, subscriptions, broken streams, mirrored headers: what a connection keeps. */

import { expect, test } from "bun:test";
import type { Socket } from "node:net";
import type { Upstream, UpstreamControl } from "../../src/upstream/upstream.ts";
import type { Step } from "../kit/asking-child.ts";
import {
  type FaultOptions,
  faultServer,
  json,
  type Misbehave,
  okResult,
  status,
} from "../kit/fault-server.ts";
import { opened } from "../kit/opened.ts";
import {
  askingChild,
  callTool,
  httpUpstream,
  originOf,
  startCall,
  testUpstream,
  told,
  until,
  untilState,
} from "../kit/upstream.ts";

const { keep, ready } = opened();

async function child() {
  return ready((await testUpstream(askingChild())) as Upstream & UpstreamControl);
}

async function http(misbehave: Misbehave, options: FaultOptions, resultBytes = 1e6) {
  const server = await faultServer(misbehave, options);
  keep(server);
  const upstream = await testUpstream(httpUpstream(server.url), { limits: { resultBytes } });
  return { server, upstream: await ready(upstream) };
}

async function tell(upstream: Upstream, what: Step["tell"], logLevel?: string) {
  const caller = logLevel === undefined ? {} : { origin: originOf("k", {}, { logLevel }) };
  const { text } = await callTool(upstream, "t", { steps: [{ tell: what }] }, caller);
  return told(text)[0];
}

test("the log level of a process is the most verbose that any call wanted", async () => {
  const upstream = await child();
  expect(await tell(upstream, "level")).toBeNull();
  const wanted = ["error", "emergency", "info", "nonsense", "warning", "debug", "info"];
  const set: string[] = [];
  for (const level of wanted) set.push(await tell(upstream, "level", level));
  expect(set).toEqual(["error", "error", "info", "info", "info", "debug", "debug"]);
});

test("over HTTP the level is set before the call, once a session", async () => {
  let session = 1;
  const { server, upstream } = await http(
    (socket, request) => {
      if (request.method === "logging/setLevel") {
        setTimeout(() => socket.write(json({ jsonrpc: "2.0", id: request.id, result: {} })), 30);
      } else {
        const good = request.head.includes(`Mcp-Session-Id: s${session}\r\n`);
        socket.write(good ? json(okResult(request)) : status(404));
      }
    },
    {
      session: () => `s${session}`,
      handles: ["tools/call", "logging/setLevel"],
      capabilities: { tools: {}, logging: {} },
    },
  );
  const origin = originOf("k", {}, { logLevel: "info" });
  const sent = () =>
    server.requests.map(({ method }) => method).filter((method) => /call|Level/.test(method));
  const all = await Promise.all([1, 2, 3].map(() => callTool(upstream, "t", {}, { origin })));
  expect(all.every(({ kind }) => kind === "response")).toBe(true);
  expect(sent()).toEqual(["logging/setLevel", "tools/call", "tools/call", "tools/call"]);
  session = 2;
  expect((await callTool(upstream, "t", {}, { origin })).kind).toBe("response");
  expect(sent().slice(4)).toEqual(["tools/call", "logging/setLevel", "tools/call"]);
  const taken = startCall(upstream, "t", {}, { origin: { ...origin, logLevel: "debug" } });
  (await taken.call).cancel("enough");
  await Bun.sleep(80);
  expect(sent().slice(7)).toEqual(["logging/setLevel"]);
});

test("resources are watched on the first process, through restarts, until nobody wants it", async () => {
  const upstream = await child();
  const updates: string[] = [];
  upstream.onChange((change) => {
    if (change.kind === "updated") updates.push(`${change.uri} ${JSON.stringify(change.params)}`);
  });
  await upstream.subscribe("file:///a");
  await upstream.subscribe("file:///b");
  expect(upstream.subscribe("bad://")).rejects.toMatchObject({
    code: "GW_UPSTREAM_ERROR",
    why: "no such thing",
  });
  const update = (uri: string) => ({
    say: { method: "notifications/resources/updated", params: { uri, more: 1 } },
  });
  await callTool(upstream, "t", { steps: [update("file:///a")] });
  expect(updates).toEqual(['file:///a {"uri":"file:///a","more":1}']);
  upstream.unsubscribe("file:///a");
  expect(await tell(upstream, "subscribed")).toEqual(["file:///b"]);
  updates.length = 0;
  await upstream.restart();
  await untilState(upstream, "ready");
  await until(() => updates.length === 1);
  // What changed while it was away is not known: it is told as changed.
  expect(updates).toEqual(['file:///b {"uri":"file:///b"}']);
  expect(await tell(upstream, "subscribed")).toEqual(["file:///b"]);
});

const stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const event = (message: object) => `data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`;

test("subscriptions of a legacy session are made again in the next one", async () => {
  let session = 1;
  const { server, upstream } = await http(
    (socket, request) => {
      const good = request.head.includes(`Mcp-Session-Id: s${session}\r\n`);
      const result = { jsonrpc: "2.0", id: request.id, result: {} };
      socket.write(good ? json(result) : status(404));
    },
    {
      session: () => `s${session}`,
      handles: ["tools/call", "resources/subscribe"],
      capabilities: { tools: {}, resources: { subscribe: true } },
    },
  );
  await upstream.subscribe("a:b");
  session = 2;
  await callTool(upstream, "t");
  const asked = () => server.requests.filter(({ method }) => method === "resources/subscribe");
  await until(() => asked().length === 2);
  expect(asked()[1]!.head).toContain("Mcp-Session-Id: s2\r\n");
  expect(JSON.parse(asked()[1]!.body).params).toEqual({ uri: "a:b" });
});

test("a server that declares no subscriptions is not asked", async () => {
  const { upstream } = await http(() => undefined, { capabilities: { resources: {} } });
  expect(upstream.subscribe("a:b")).rejects.toMatchObject({ code: "GW_METHOD" });
});

test("a modern server is listened to anew for each resource; the old stream ends after the new one began", async () => {
  const listens: { id: number; uris: string[]; socket: Socket; ended: boolean }[] = [];
  const { upstream } = await http(
    (socket, request) => {
      const { notifications } = JSON.parse(request.body).params;
      const uris: string[] = notifications.resourceSubscriptions ?? [];
      const listen = { id: request.id as number, uris, socket, ended: false };
      listens.push(listen);
      socket.on("close", () => {
        listen.ended = true;
      });
      const honoured = { resourceSubscriptions: uris.filter((uri) => uri !== "no:no") };
      const method = "notifications/subscriptions/acknowledged";
      const _meta = { "io.modelcontextprotocol/subscriptionId": request.id };
      socket.write(stream + event({ method, params: { notifications: honoured, _meta } }));
    },
    {
      handles: ["subscriptions/listen"],
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
    },
  );
  const updates: string[] = [];
  upstream.onChange((change) => {
    if (change.kind === "updated") updates.push(change.uri);
  });
  await until(() => listens.length === 1);
  await upstream.subscribe("a:b");
  expect(listens[1]!.uris).toEqual(["a:b"]);
  await until(() => listens[0]!.ended);
  expect(listens[1]!.ended).toBe(false);
  listens[1]!.socket.write(
    event({ method: "notifications/resources/updated", params: { uri: "a:b" } }),
  );
  await until(() => updates.length === 1);
  expect(upstream.subscribe("no:no")).rejects.toMatchObject({ code: "GW_UPSTREAM_ERROR" });
  await Promise.all([upstream.subscribe("c:d"), upstream.subscribe("e:f")]);
  expect(listens.at(-1)!.uris.toSorted()).toEqual(["a:b", "c:d", "e:f"]);
  // A stream that breaks is opened again with all of them, which may have changed meanwhile.
  updates.length = 0;
  const count = listens.length;
  listens.at(-1)!.socket.destroy();
  await until(() => updates.length === 3);
  expect(listens.length).toBe(count + 1);
  upstream.unsubscribe("a:b");
  await until(() => listens.at(-1)!.uris.length === 2);
});

interface Broken {
  readonly gets: { readonly after: string; readonly at: number }[];
  readonly calls: () => number;
}

/** Each stream but the last breaks off after an event with an id. */
async function broken(
  streams: readonly string[],
  resultBytes?: number,
): Promise<Broken & { upstream: Upstream }> {
  const gets: { after: string; at: number }[] = [];
  let id: number | undefined;
  const { server, upstream } = await http(
    (socket, request) => {
      if (request.method === "tools/call") id = request.id;
      else if (request.head.startsWith("GET ")) {
        const after = /Last-Event-ID: (.*)/.exec(request.head)?.[1] ?? "";
        gets.push({ after, at: performance.now() });
      } else {
        socket.write(status(202));
        return;
      }
      const text = streams[gets.length];
      if (text === undefined) socket.write(status(404));
      else socket.end(stream + text.replaceAll("ID", String(id)));
    },
    { session: () => "s", handles: ["tools/call", ""] },
    resultBytes,
  );
  return {
    gets,
    upstream,
    calls: () => server.requests.filter(({ method }) => method === "tools/call").length,
  };
}

const done = 'data: {"jsonrpc":"2.0","id":ID,"result":{"content":[]}}\n\n';
const step = (n: number) =>
  `id: e${n}\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":ID,"progress":${n}}}\n\n`;

test("U27 a stream that breaks off after an event is read on, and the call never sent again", async () => {
  const { gets, upstream, calls } = await broken([
    "retry: 80\nid: e0\ndata:\n\n",
    step(1),
    `${step(2)}retry: 20\n\n`,
    `id: e3\n${done}`,
  ]);
  const began = performance.now();
  const outcome = await callTool(upstream, "t");
  expect(outcome).toMatchObject({ kind: "response", ends: 1 });
  expect(outcome.notifications.length).toBe(2);
  expect(gets.map(({ after }) => after)).toEqual(["e0", "e1", "e2"]);
  expect(calls()).toBe(1);
  expect(gets[0]!.at - began).toBeGreaterThanOrEqual(79);
  expect(upstream.status()).toMatchObject({ state: "ready", inFlight: 0 });
});

test("a stream that cannot be read on is lost, once", async () => {
  const refused = await broken(["retry: 10\nid: e0\ndata:\n\n"]);
  expect(await callTool(refused.upstream, "t")).toMatchObject({
    ...{ kind: "failed", text: "GW_UPSTREAM_LOST", mayHaveRun: true, ends: 1 },
  });
  const stuck = await broken(Array.from({ length: 9 }, () => "retry: 5\nid: same\ndata:\n\n"));
  expect((await callTool(stuck.upstream, "t")).text).toBe("GW_UPSTREAM_LOST");
  expect(stuck.gets.length).toBe(5);
  const odd = await broken(["retry: 5\nid: a b\ndata:\n\n", done]);
  expect((await callTool(odd.upstream, "t")).text).toBe("GW_UPSTREAM_LOST");
  expect(odd.gets.length).toBe(0);
});

test("an answer that the gateway does not take is not asked for again", async () => {
  const long = "x".repeat(70_000);
  const rows = [
    [`data: {"jsonrpc":"2.0","id":ID,"result":{"text":"${long}"}}\n\n`, "GW_RESULT_TOO_LARGE"],
    ["data: {oops\n\n", "GW_UPSTREAM_ERROR"],
  ] as const;
  for (const [answer, code] of rows) {
    const { gets, upstream } = await broken([`retry: 5\nid: e0\n${answer}`, done], 65_536);
    const outcome = await callTool(upstream, "t");
    expect(outcome).toMatchObject({ kind: "failed", text: code, mayHaveRun: true, ends: 1 });
    await Bun.sleep(30);
    expect(gets.length).toBe(0);
    expect(upstream.status().state).toBe("degraded");
  }
});

test("a call that waits to be read on is cancelled like any other", async () => {
  const { gets, upstream } = await broken(["retry: 200\nid: e0\ndata:\n\n", done]);
  const running = startCall(upstream, "t");
  const call = await running.call;
  await Bun.sleep(100);
  call.cancel("enough");
  await Bun.sleep(200);
  expect(gets.length).toBe(0);
  expect(upstream.status().inFlight).toBe(0);
});

test("-32020: the list is read anew, and the call sent once more with the headers it asks for", async () => {
  const schema = {
    type: "object",
    properties: { region: { type: "string", "x-mcp-header": "Region" } },
  };
  let tool = "t";
  const { server, upstream } = await http(
    (socket, request) => {
      if (request.method === "tools/list") {
        const tools = [{ name: tool, inputSchema: schema }];
        socket.write(json({ jsonrpc: "2.0", id: request.id, result: { tools } }));
      } else if (request.head.includes("\r\nMcp-Param-Region: =?base64?w7w=?=\r\n")) {
        socket.write(json(okResult(request)));
      } else {
        const error = { code: -32020, message: "Mcp-Param-Region is missing" };
        const text = JSON.stringify({ jsonrpc: "2.0", id: request.id, error });
        socket.write(status(400, text, "Content-Type: application/json\r\n"));
      }
    },
    { handles: ["tools/call", "tools/list"] },
  );
  const lists: string[] = [];
  upstream.onChange((change) => {
    if (change.kind === "list") lists.push(change.method);
  });
  const calls = () => server.requests.filter(({ method }) => method === "tools/call").length;
  const outcome = await callTool(upstream, "t", { region: "ü" });
  expect(outcome).toMatchObject({ kind: "response", ends: 1 });
  expect([calls(), lists]).toEqual([2, ["tools/list"]]);
  // Another value than the list asks for, or another tool: the fault is told.
  expect((await callTool(upstream, "t", { region: "x" })).text).toBe("GW_UPSTREAM_ERROR");
  expect(calls()).toBe(4);
  tool = "other";
  const unknown = await callTool(upstream, "t", { region: "ü" });
  expect(unknown).toMatchObject({ text: "GW_UPSTREAM_ERROR", mayHaveRun: false });
  expect(calls()).toBe(5);
});
