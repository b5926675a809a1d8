/** What legacy servers ask in the middle of calls reaches the call it belongs to, or nobody. */

import { expect, test } from "bun:test";
import type { ServerRequest, Upstream } from "../../src/upstream/upstream.ts";
import type { Step } from "../kit/asking-child.ts";
import { faultServer, json, okResult, type ReceivedRequest, status } from "../kit/fault-server.ts";
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
} from "../kit/upstream.ts";

const { keep, ready } = opened();

async function child(mode = ""): Promise<Upstream> {
  return await ready(await testUpstream(askingChild({}, mode)));
}

test("F22 a question goes to its call with the bytes that came, its answer back with the id that came", async () => {
  const upstream = await child();
  const params = { message: "Grüße", requestedSchema: { type: "object", properties: {} } };
  const ids = ["0", '"x"', '"\\u0041\\"b"', "-7"];
  const steps = ids.map((ask): Step => ({ ask, params }));
  const seen: string[] = [];
  const outcome = await callTool(
    upstream,
    "t",
    { steps },
    {
      asked(question) {
        seen.push(`${question.method} ${Buffer.from(question.paramsBytes)}`);
        expect(question.params).toEqual(params);
        question.result(['{"action":"accept","big":', Buffer.from("12345678901234567890}")]);
        question.result(["{}"]);
        question.error(1, "late");
      },
    },
  );
  expect(seen).toEqual(ids.map(() => `elicitation/create ${JSON.stringify(params)}`));
  expect(told(outcome.text)).toEqual(
    ids.map(
      (id) =>
        `{"jsonrpc":"2.0","id":${id},"result":{"action":"accept","big":12345678901234567890}}`,
    ),
  );
});

test("a question without params, and one that is refused with data", async () => {
  const upstream = await child();
  const outcome = await callTool(
    upstream,
    "t",
    { steps: [{ ask: "1", method: "roots/list" }] },
    {
      asked(question) {
        expect(Buffer.from(question.paramsBytes).toString()).toBe("{}");
        question.error(-32000, "no", { why: "ü" });
      },
    },
  );
  expect(told(outcome.text)).toEqual([
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no","data":{"why":"ü"}}}',
  ]);
});

test("a question while two calls are in flight is nobody's, one log line too", async () => {
  const upstream = await child();
  const asked = (question: ServerRequest) => question.result(["{}"]);
  const other = startCall(upstream, "t", { steps: [{ sleep: 300 }] }, { asked });
  const log = { method: "notifications/message", params: { level: "info", data: "x" } };
  const outcome = await callTool(upstream, "t", { steps: [{ ask: "1" }, { say: log }] }, { asked });
  expect(told(outcome.text)).toEqual([expect.stringContaining("cannot be told which call")]);
  expect((await other.end).notifications).toEqual([]);
  expect(outcome.notifications).toEqual([]);
  expect(upstream.status().unattributed).toEqual({ question: 1, log: 1, answer: 0 });
  const alone = await callTool(upstream, "t", { steps: [{ say: log }] });
  expect(alone.notifications).toEqual([`${log.method} ${JSON.stringify(log.params)}`]);
});

test("F14 what a cancelled call asks reaches no other call, nor does its log", async () => {
  const upstream = await child();
  const log = { method: "notifications/message", params: { level: "info", data: "secret" } };
  const first = startCall(upstream, "t", {
    steps: [{ sleep: 200 }, { say: log }, { ask: '"mine"' }],
  });
  (await first.call).cancel("enough");
  const questions: ServerRequest[] = [];
  const second = await callTool(
    upstream,
    "t",
    { steps: [{ sleep: 400 }] },
    {
      asked: (question) => questions.push(question),
    },
  );
  expect(questions).toEqual([]);
  expect(second.notifications).toEqual([]);
  expect(upstream.status().unattributed).toEqual({ question: 1, log: 1, answer: 0 });
});

test("F14 log lines go on after a cancelled call: the same key's, not another's", async () => {
  const log = { method: "notifications/message", params: { level: "info", data: "x" } };
  const cases = [
    { key: "k", lines: 1 },
    { key: "other", lines: 0 },
  ];
  for (const { key, lines } of cases) {
    const upstream = await child();
    const steps = [{ sleep: 5_000 }];
    const taken = startCall(upstream, "t", { steps }, { origin: originOf("k", {}) });
    (await taken.call).cancel("enough");
    const call = await callTool(
      upstream,
      "t",
      { steps: [{ say: log }] },
      { origin: originOf(key, {}) },
    );
    expect(call.notifications.length).toBe(lines);
    expect(upstream.status().unattributed?.log).toBe(1 - lines);
  }
});

test("F15 what a task asks is for who waits for its result, not for the only call", async () => {
  const upstream = await child();
  const _meta = { "io.modelcontextprotocol/related-task": { taskId: "other" } };
  const questions: ServerRequest[] = [];
  const asked = (question: ServerRequest) => questions.push(question);
  const steps = [{ ask: "1", params: { _meta } }];
  const outcome = await callTool(upstream, "t", { steps }, { asked });
  expect(questions).toEqual([]);
  expect(told(outcome.text)).toEqual([expect.stringContaining("cannot be told which call")]);
});

test("a question that the server takes back, and one whose call is cancelled, is told of", async () => {
  const upstream = await child();
  const reasons: string[] = [];
  const asked = (question: ServerRequest) => {
    question.onCancelled = (reason) => reasons.push(reason);
  };
  const back = {
    method: "notifications/cancelled",
    params: { requestId: "q", reason: "never mind" },
  };
  const steps = [{ ask: '"q"', go: true }, { sleep: 30 }, { say: back }];
  expect((await callTool(upstream, "t", { steps }, { asked })).kind).toBe("response");
  expect(reasons).toEqual(["never mind"]);
  const running = startCall(upstream, "t", { steps: [{ ask: "5" }] }, { asked });
  const call = await running.call;
  await Bun.sleep(100);
  call.cancel("enough");
  expect(reasons[1]).toBe("The call was cancelled");
  const late = startCall(
    upstream,
    "t",
    { steps: [{ ask: "6" }, { exit: true }] },
    {
      asked(question) {
        asked(question);
        question.result(["{}"]);
      },
    },
  );
  expect((await late.end).text).toBe("GW_UPSTREAM_LOST");
  expect(reasons.length).toBe(2);
});

test("a call may have 16 open questions, an id in use is refused", async () => {
  const upstream = await child();
  const steps = Array.from({ length: 17 }, (_, at): Step => ({ ask: String(at), go: true }));
  const kept: ServerRequest[] = [];
  const running = startCall(
    upstream,
    "t",
    { steps: [...steps, { ask: "16" }, { ask: "3" }] },
    {
      asked: (question) => kept.push(question),
    },
  );
  await until(() => kept.length === 16);
  const outcome = await running.end;
  expect(told(outcome.text)).toEqual([
    expect.stringContaining("too many open questions"),
    expect.stringContaining("waits for its answer"),
  ]);
});

test("outside calls: ping is answered, roots are none, all else is refused", async () => {
  const upstream = await child();
  const questions: ServerRequest[] = [];
  const methods = ["ping", "roots/list", "sampling/createMessage"];
  const after = methods.map((method, at): Step => ({ ask: String(at), method }));
  const asked = (question: ServerRequest) => questions.push(question);
  await callTool(upstream, "t", { after }, { asked });
  await Bun.sleep(100);
  const outcome = await callTool(upstream, "t", { steps: [{ tell: "after" }] }, { asked });
  expect(questions).toEqual([]);
  expect(told(outcome.text)[0]).toEqual([
    '{"jsonrpc":"2.0","id":0,"result":{}}',
    '{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}',
    '{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}}',
  ]);
});

const stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const event = (message: object) => `data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`;
const replies = (requests: readonly ReceivedRequest[]) =>
  requests.filter(({ method, body }) => method === "" && body !== "");

test("over HTTP a question on a call's own stream is that call's, however many are in flight", async () => {
  const server = await faultServer(
    (socket, request) => {
      socket.write(
        stream +
          event({ id: request.id, method: "elicitation/create", params: { of: request.id } }),
      );
      const timer = setInterval(() => {
        const done = replies(server.requests).some(({ id }) => id === request.id);
        if (!done) return;
        clearInterval(timer);
        socket.end(event(okResult(request)));
      }, 5);
    },
    { session: () => "s" },
  );
  keep(server);
  const upstream = await ready(await testUpstream(httpUpstream(server.url)));
  const seen: unknown[] = [];
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      callTool(
        upstream,
        "t",
        {},
        {
          asked(question) {
            seen.push([at, question.params["of"]]);
            question.result([`{"from":${at}}`]);
          },
        },
      ),
    ),
  );
  expect(all.every(({ kind }) => kind === "response")).toBe(true);
  expect(new Set(seen.map((pair) => JSON.stringify(pair))).size).toBe(20);
  for (const [at, id] of seen as [number, number][]) {
    const reply = replies(server.requests).find((request) => request.id === id);
    expect(JSON.parse(reply!.body)).toEqual({ jsonrpc: "2.0", id, result: { from: at } });
    expect(reply!.head).toContain("Mcp-Session-Id: s\r\n");
  }
});

test("over HTTP a question on the GET stream is that of the only call, else nobody's", async () => {
  let push: (message: object) => void = () => undefined;
  const waiting: (() => void)[] = [];
  const server = await faultServer(
    (socket, request) => {
      if (request.method === "") {
        const get = request.head.startsWith("GET ");
        socket.write(get ? stream : status(202));
        if (get) push = (message) => socket.write(event(message));
      } else waiting.push(() => socket.write(json(okResult(request))));
    },
    {
      session: () => "s",
      handles: ["tools/call", ""],
      capabilities: { tools: { listChanged: true } },
    },
  );
  keep(server);
  const upstream = await ready(await testUpstream(httpUpstream(server.url)));
  await until(() => server.requests.some(({ head }) => head.startsWith("GET ")));
  await Bun.sleep(20);
  const answered = async (id: string) => {
    const found = () => replies(server.requests).find(({ body }) => JSON.parse(body).id === id);
    await until(() => found() !== undefined);
    return JSON.parse(found()!.body);
  };

  push({ id: "ping", method: "ping" });
  expect(await answered("ping")).toMatchObject({ result: {} });
  push({ id: "roots", method: "roots/list" });
  expect(await answered("roots")).toMatchObject({ result: { roots: [] } });
  push({ id: "none", method: "sampling/createMessage", params: {} });
  expect(await answered("none")).toMatchObject({ error: { code: -32601 } });

  const asked = (question: ServerRequest) => question.result(['{"model":"m"}']);
  const log = { method: "notifications/message", params: { level: "info", data: 1 } };
  const first = startCall(upstream, "t", {}, { asked });
  await until(() => waiting.length === 1);
  push({ id: "one", method: "sampling/createMessage", params: {} });
  expect(await answered("one")).toMatchObject({ result: { model: "m" } });
  push(log);
  await Bun.sleep(30);
  const second = startCall(upstream, "t", {}, { asked });
  await until(() => waiting.length === 2);
  push({ id: "two", method: "sampling/createMessage", params: {} });
  expect(await answered("two")).toMatchObject({ error: { code: -32603 } });
  push(log);
  await Bun.sleep(20);
  for (const answer of waiting) answer();
  expect((await first.end).notifications.length).toBe(1);
  expect((await second.end).notifications).toEqual([]);
  expect(upstream.status().unattributed).toEqual({ question: 1, log: 1, answer: 0 });
});
