/** HTTP+SSE servers (2024-11-05): found by themselves, and as strict as the others. */

import { expect, test } from "bun:test";
import type { Socket } from "node:net";
import type { ServerRequest, Upstream } from "../../src/upstream/upstream.ts";
import { faultServer, type ReceivedRequest, status } from "../kit/fault-server.ts";
import { opened } from "../kit/opened.ts";
import {
  callTool,
  httpUpstream,
  originOf,
  startCall,
  testUpstream,
  until,
  untilState,
} from "../kit/upstream.ts";

const { keep } = opened();

interface Sse {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  readonly streams: Socket[];
  /** On the newest stream, or that of a session. */
  say(message: object, session?: number): void;
}

interface SseOptions {
  readonly endpoint?: (url: string) => string;
  /** The status of a POST. */
  readonly taken?: (request: ReceivedRequest) => number;
  call?(request: ReceivedRequest, say: (message: object) => void): void;
}

const result = { content: [{ type: "text", text: "ok" }] };

async function sse(options: SseOptions = {}): Promise<Sse> {
  const streams: Socket[] = [];
  const say = (message: object, session = streams.length - 1) =>
    streams[session]?.write(`data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
  const receive = (socket: Socket, request: ReceivedRequest) => {
    const { head, id, method, body } = request;
    if (head.startsWith("GET ")) {
      streams.push(socket);
      const endpoint = options.endpoint?.(server.url) ?? `/message?session=${streams.length - 1}`;
      socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
      socket.write(`event: endpoint\ndata: ${endpoint}\n\n`);
      return;
    }
    const session = Number(/^POST \/message\?session=(\d+) /.exec(head)?.[1] ?? -1);
    const code = session < 0 ? 405 : (options.taken?.(request) ?? 202);
    socket.write(status(code, code === 202 ? "Accepted" : ""));
    if (code >= 300) return;
    if (method === "initialize") {
      const serverInfo = { name: "old", version: "1" };
      const about = { protocolVersion: "2024-11-05", capabilities: { tools: {} }, serverInfo };
      say({ id, result: about }, session);
    } else if (method === "ping") say({ id, result: {} }, session);
    else if (method === "tools/list") say({ id, result: { tools: [{ name: "t" }] } }, session);
    else if (method === "tools/call") {
      if (options.call === undefined) say({ id, result }, session);
      else options.call(request, (message) => say(message, session));
    } else if (body !== "" && method === "") answers.push(request);
  };
  const all = ["", "initialize", "notifications/initialized", "notifications/cancelled", "ping"];
  const handles = [...all, "tools/call", "tools/list", "server/discover"];
  const server = await faultServer(receive, { handles });
  keep(server);
  return { url: server.url, requests: server.requests, streams, say };
}

let answers: ReceivedRequest[] = [];

async function start(server: Sse, more: { sse?: boolean } = {}): Promise<Upstream> {
  const config = httpUpstream(server.url);
  const transport = { ...config.transport, ...more } as typeof config.transport;
  const upstream = await testUpstream({ ...config, transport });
  keep(upstream);
  upstream.start();
  return upstream;
}

test("a server that knows no POST is found to be of HTTP+SSE", async () => {
  const server = await sse();
  const upstream = await start(server);
  await untilState(upstream, "ready");
  expect(upstream.hello()).toMatchObject({ era: "legacy", protocol: "2024-11-05", name: "old" });
  expect((await upstream.list("tools/list")).items.map(({ text }) => text)).toEqual([
    '{"name":"t"}',
  ]);
  expect(await callTool(upstream, "t")).toMatchObject({ kind: "response", ends: 1 });
  const told = server.requests.map(({ head, method }) => `${head.split("/")[0]}${method}`);
  expect(told.slice(0, 5)).toEqual([
    ...["POST server/discover", "POST initialize", "GET ", "POST initialize"],
    "POST notifications/initialized",
  ]);
});

test("transport: sse asks for nothing newer first", async () => {
  const server = await sse();
  const upstream = await start(server, { sse: true });
  await untilState(upstream, "ready");
  expect(server.requests[0]!.head).toStartWith("GET /mcp HTTP/1.1\r\n");
  expect(server.requests[1]!.head).toContain("POST /message?session=0 ");
});

const elsewhere = [
  "http://evil.example/message",
  "//evil.example/message",
  "https://127.0.0.1/message",
  "http://127.0.0.1:1/message",
  "http://user@HOST/message",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "http://[",
];
test.each(elsewhere)("U3 the endpoint %s is at no origin that is asked", async (endpoint) => {
  const other = (url: string) => endpoint.replace("HOST", new URL(url).host);
  const server = await sse({ endpoint: other });
  const upstream = await start(server, { sse: true });
  await untilState(upstream, "backoff");
  expect(upstream.status().cause).toContain("not at its own origin");
  expect(server.requests.filter(({ head }) => head.startsWith("POST"))).toEqual([]);
});

test("F14 100 calls of two clients that are asked: one at a time, each question to its own", async () => {
  let running = 0;
  let most = 0;
  const server = await sse({
    call({ id, body }, say) {
      running += 1;
      most = Math.max(most, running);
      const { mine } = JSON.parse(body).params.arguments;
      say({ id: `q${id}`, method: "elicitation/create", params: { mine } });
      const timer = setInterval(() => {
        if (!answers.some((answer) => JSON.parse(answer.body).id === `q${id}`)) return;
        clearInterval(timer);
        running -= 1;
        say({ id, result });
      }, 1);
    },
  });
  answers = [];
  const upstream = await start(server);
  await untilState(upstream, "ready");
  const wrong: unknown[] = [];
  const all = Array.from({ length: 100 }, (_, at) =>
    callTool(
      upstream,
      "t",
      { mine: at },
      {
        origin: originOf(`k${at % 2}`, { elicitation: {} }),
        asked(question: ServerRequest) {
          if (question.params["mine"] !== at) wrong.push(at);
          question.result(["{}"]);
        },
      },
    ),
  );
  expect((await Promise.all(all)).every(({ kind }) => kind === "response")).toBe(true);
  expect([wrong, most, upstream.status().instances!.length]).toEqual([[], 1, 1]);
});

test("a stream that ends fails what is in flight, and is opened again", async () => {
  const server = await sse({ call: () => undefined });
  const upstream = await start(server);
  await untilState(upstream, "ready");
  const running = startCall(upstream, "t");
  await until(() => server.requests.some(({ method }) => method === "tools/call"));
  server.streams[0]!.destroy();
  expect(await running.end).toMatchObject({
    ...{ kind: "failed", text: "GW_UPSTREAM_LOST", mayHaveRun: true, ends: 1 },
  });
  await untilState(upstream, "ready");
  expect(server.streams.length).toBe(2);
});

const refusals: [number, string, boolean][] = [
  [400, "GW_UPSTREAM_ERROR", false],
  [500, "GW_UPSTREAM_LOST", true],
  // The session is gone, and with it the stream.
  [404, "GW_UPSTREAM_LOST", true],
];
test.each(refusals)("a POST that is answered with %d", async (code, text, mayHaveRun) => {
  let refuses = true;
  const server = await sse({
    taken: ({ method }) => (method === "tools/call" && refuses ? code : 202),
  });
  const upstream = await start(server);
  await untilState(upstream, "ready");
  expect(await callTool(upstream, "t")).toMatchObject({
    kind: "failed",
    text,
    mayHaveRun,
    ends: 1,
  });
  refuses = false;
  expect((await callTool(upstream, "t")).kind).toBe("response");
  expect(server.streams.length).toBe(code === 404 ? 2 : 1);
});

test("a call is cancelled by a notification", async () => {
  const server = await sse({ call: () => undefined });
  const upstream = await start(server);
  await untilState(upstream, "ready");
  const call = await startCall(upstream, "t").call;
  await until(() => server.requests.some(({ method }) => method === "tools/call"));
  call.cancel("enough");
  await until(() => server.requests.at(-1)!.method === "notifications/cancelled");
  const { id } = server.requests.find(({ method }) => method === "tools/call")!;
  expect(JSON.parse(server.requests.at(-1)!.body).params).toEqual({
    requestId: id,
    reason: "enough",
  });
});

test("a server that answers GET with no stream is named with both reasons", async () => {
  const server = await faultServer((socket) => void socket.write(status(404)), {
    handles: ["", "initialize", "server/discover"],
  });
  keep(server);
  const upstream = await testUpstream(httpUpstream(server.url));
  keep(upstream);
  upstream.start();
  await untilState(upstream, "backoff");
  expect(upstream.status().cause).toBe(
    "it answers initialize with HTTP 404; as HTTP+SSE: it answers GET with HTTP 404",
  );
});
