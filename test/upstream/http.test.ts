/** HTTP servers that misbehave: each call ends once, with a code, and nothing is sent twice. */

import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  type FaultOptions,
  type FaultServer,
  faultServer,
  json,
  type Misbehave,
  okResult,
  status,
} from "../kit/fault-server.ts";
import { opened } from "../kit/opened.ts";
import { callTool, httpUpstream, startCall, testUpstream, until } from "../kit/upstream.ts";

const { keep, ready } = opened();

async function start(
  misbehave: Misbehave,
  options: FaultOptions = {},
  more: Parameters<typeof httpUpstream>[1] = {},
): Promise<{ server: FaultServer; upstream: Upstream }> {
  const server = await faultServer(misbehave, options);
  keep(server);
  const upstream = await ready(
    await testUpstream(httpUpstream(server.url, more), {
      limits: { resultBytes: 1e6 },
    }),
  );
  return { server, upstream };
}

const calls = (server: FaultServer) =>
  server.requests.filter(({ method }) => method === "tools/call").length;

test("a modern server gets the mirrored headers, and nothing of a client's", async () => {
  const { server, upstream } = await start((socket, request) => {
    socket.write(json(okResult(request)));
  });
  expect(await callTool(upstream, "Grüße", { a: 1 })).toMatchObject({ kind: "response", ends: 1 });
  const request = server.requests.at(-1)!;
  const names = request.head
    .split("\r\n")
    .slice(1)
    .map((line) => line.split(":")[0]!.toLowerCase());
  expect(names.toSorted()).toEqual(
    [
      ...["accept", "accept-encoding", "content-length", "content-type", "host"],
      ...["mcp-method", "mcp-name", "mcp-protocol-version", "user-agent"],
    ].toSorted(),
  );
  expect(request.head).toContain("\r\nMcp-Method: tools/call\r\n");
  expect(request.head).toContain("\r\nMcp-Name: =?base64?R3LDvMOfZQ==?=\r\n");
  expect(request.head).toContain("\r\nMCP-Protocol-Version: 2026-07-28\r\n");
});

test("connections are kept and used again", async () => {
  const { server, upstream } = await start((socket, request) => {
    socket.write(json(okResult(request)));
  });
  for (let count = 0; count < 20; count += 1) await callTool(upstream, "t");
  expect(server.accepted()).toBe(1);
});

const redirects = [301, 302, 303, 307, 308];
test.each(redirects)("U3 a %d is an error, and nobody else hears of it", async (code) => {
  const other = await faultServer(() => undefined);
  keep(other);
  const { server, upstream } = await start((socket) => {
    socket.write(status(code, "", `Location: ${other.url}\r\n`));
  });
  const outcome = await callTool(upstream, "t");
  expect(outcome).toMatchObject({ kind: "failed", text: "GW_UPSTREAM_ERROR", ends: 1 });
  expect(other.accepted()).toBe(0);
  expect(calls(server)).toBe(1);
});

const gzip = gzipSync(JSON.stringify({ jsonrpc: "2.0", id: 10, result: {} }));
const gzipHead = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n`;
const big = "x".repeat(2_000_000);
const faults: [string, Misbehave, string][] = [
  ["closes at once", (socket) => socket.destroy(), "GW_UPSTREAM_LOST"],
  ["closes in the midst", (socket) => socket.end("HTTP/1.1 200 OK\r\nConte"), "GW_UPSTREAM_LOST"],
  [
    "both framings",
    (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}");
    },
    "GW_UPSTREAM_LOST",
  ],
  [
    "L12 U19 gzip",
    (socket) => {
      socket.write(`${gzipHead}Content-Length: ${gzip.length}\r\n\r\n`);
      socket.write(gzip);
    },
    "GW_UPSTREAM_ERROR",
  ],
  [
    "html",
    (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi");
    },
    "GW_UPSTREAM_ERROR",
  ],
  [
    "no JSON",
    (socket) => {
      socket.write(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\nhi",
      );
    },
    "GW_UPSTREAM_ERROR",
  ],
  [
    "same key twice",
    (socket) => {
      const text = '{"jsonrpc":"2.0","id":10,"result":{},"result":{"a":1}}';
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
      );
    },
    "GW_UPSTREAM_ERROR",
  ],
  [
    "U17 another id",
    (socket, request) => {
      socket.write(json({ ...okResult(request), id: 999 }));
    },
    "GW_UPSTREAM_ERROR",
  ],
  [
    "neither result nor error",
    (socket, request) => {
      socket.write(json({ jsonrpc: "2.0", id: request.id }));
    },
    "GW_UPSTREAM_ERROR",
  ],
  [
    "U21 declared too large",
    (socket) => {
      socket.write(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n{",
      );
    },
    "GW_RESULT_TOO_LARGE",
  ],
  [
    "U21 too large in chunks",
    (socket) => {
      socket.write(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      socket.write(`${big.length.toString(16)}\r\n${big}\r\n`);
    },
    "GW_RESULT_TOO_LARGE",
  ],
  [
    "U21 too large event",
    (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ${big}`);
    },
    "GW_RESULT_TOO_LARGE",
  ],
  [
    "U21 too deep",
    (socket) => {
      const text = `{"jsonrpc":"2.0","id":10,"result":{"a":${"[".repeat(9000)}${"]".repeat(9000)}}}`;
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
      );
    },
    "GW_UPSTREAM_ERROR",
  ],
  [
    "stream without a response",
    (socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n");
    },
    "GW_UPSTREAM_LOST",
  ],
  ["401", (socket) => void socket.write(status(401, "who")), "GW_UPSTREAM_ERROR"],
  ["500", (socket) => void socket.write(status(500, "oops")), "GW_UPSTREAM_ERROR"],
  [
    "-32020 is about this hop",
    (socket, request) => {
      const body = JSON.stringify({
        jsonrpc: "2.0",
        id: request.id,
        error: { code: -32020, message: "m" },
      });
      socket.write(status(400, body, "Content-Type: application/json\r\n"));
    },
    "GW_UPSTREAM_ERROR",
  ],
];

test.each(faults)(
  "U27 %s: the call fails once, is not sent again, the next works",
  async (_name, fault, code) => {
    const { server, upstream } = await start((socket, request, count) => {
      if (count === 1) fault(socket, request, count);
      else socket.write(json(okResult(request)));
    });
    expect(await callTool(upstream, "t")).toMatchObject({ kind: "failed", text: code, ends: 1 });
    expect(calls(server)).toBe(1);
    expect(await callTool(upstream, "t")).toMatchObject({ kind: "response", ends: 1 });
    expect(calls(server)).toBe(2);
    expect(upstream.status()).toMatchObject({ state: "ready", inFlight: 0 });
  },
);

test("U17 an answer under another id is told as that, counted and shown", async () => {
  const { upstream } = await start((socket, request, count) => {
    socket.write(json({ ...okResult(request), ...(count === 1 && { id: 999 }) }));
  });
  const wrong = await callTool(upstream, "t");
  expect(wrong).toMatchObject({ text: "GW_UPSTREAM_ERROR", mayHaveRun: true });
  expect(wrong.why).toMatch(/^it answered under another id, 999 instead of \d+$/);
  expect(upstream.status()).toMatchObject({
    ...{ state: "degraded", cause: wrong.why },
    unattributed: { question: 0, log: 0, answer: 1 },
  });
});

test("U27 200 connections killed after the request was read: each call reaches the server once", async () => {
  const { server, upstream } = await start((socket) => socket.destroy());
  for (let count = 0; count < 200; count += 1) {
    expect((await callTool(upstream, "t", { count })).mayHaveRun).toBe(true);
  }
  expect(calls(server)).toBe(200);
});

test("U27 an idle connection that the server closed is not used for a call", async () => {
  const { server, upstream } = await start((socket, request) => {
    socket.write(json(okResult(request)));
    setTimeout(() => socket.destroy(), 1);
  });
  for (let count = 0; count < 30; count += 1) {
    expect(await callTool(upstream, "t")).toMatchObject({ kind: "response" });
  }
  expect(calls(server)).toBe(30);
});

test("U27 a connection that was closed in this very moment is not used for a call", async () => {
  const { server, upstream } = await start((socket, request) => {
    socket.write(json(okResult(request)));
    last = socket;
  });
  let last: { destroy(): void } | undefined;
  for (let count = 0; count < 30; count += 1) {
    last?.destroy();
    expect(await callTool(upstream, "t")).toMatchObject({ kind: "response" });
  }
  expect(calls(server)).toBe(30);
});

test("an error with our id is the answer, whatever the HTTP status", async () => {
  const { upstream } = await start((socket, request) => {
    const error = { code: -32602, message: "no such tool" };
    socket.write(status(404, JSON.stringify({ jsonrpc: "2.0", id: request.id, error })));
  });
  const outcome = await callTool(upstream, "t");
  expect(outcome.kind).toBe("response");
  expect(outcome.text).toContain("no such tool");
});

test("a stream carries progress, then the response", async () => {
  const { upstream } = await start((socket, request) => {
    const token = request.id;
    const params = { progressToken: token, progress: 1 };
    const note = JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params });
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = (text: string) =>
      socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
    chunk(`data: ${note}\n\n`);
    chunk(`data: ${JSON.stringify(okResult(request))}\n\n`);
    socket.write("0\r\n\r\n");
  });
  const outcome = await callTool(upstream, "t");
  expect(outcome).toMatchObject({ kind: "response", ends: 1 });
  expect(outcome.notifications).toEqual([
    expect.stringContaining('notifications/progress {"progressToken":10,"progress":1}'),
  ]);
  expect(upstream.status().inFlight).toBe(0);
});

test("a modern call is cancelled by cutting its connection, and then hears nothing", async () => {
  let closed = false;
  const { upstream } = await start((socket) => {
    socket.on("close", () => {
      closed = true;
    });
  });
  const running = startCall(upstream, "t");
  const call = await running.call;
  await Bun.sleep(30);
  call.cancel("enough");
  await until(() => closed);
  expect(upstream.status().inFlight).toBe(0);
});

test("a legacy call is cancelled by a notification with its id", async () => {
  const { server, upstream } = await start(() => undefined, { session: () => "s1" });
  const running = startCall(upstream, "t");
  const call = await running.call;
  await until(() => calls(server) === 1);
  call.cancel("enough");
  await until(() => server.requests.at(-1)?.method === "notifications/cancelled");
  const id = server.requests.find(({ method }) => method === "tools/call")?.id;
  expect(JSON.parse(server.requests.at(-1)!.body).params).toEqual({
    requestId: id,
    reason: "enough",
  });
});

const refusals = [
  status(404),
  status(410),
  status(400, '{"error":{"message":"Bad Request: No valid session ID provided"}}'),
];
test.each(refusals)("a lost session is opened anew once for all calls: %#", async (refusal) => {
  let session = 1;
  const { server, upstream } = await start(
    (socket, request) => {
      const good = request.head.includes("Mcp-Session-Id: s2\r\n");
      socket.write(good ? json(okResult(request)) : refusal);
    },
    { session: () => `s${session}` },
  );
  session = 2;
  const all = await Promise.all([1, 2, 3].map(() => callTool(upstream, "t")));
  expect(all.map(({ kind }) => kind)).toEqual(["response", "response", "response"]);
  expect(server.requests.filter(({ method }) => method === "initialize").length).toBe(2);
});

test("a session that is lost again and again fails the call", async () => {
  const { server, upstream } = await start((socket) => void socket.write(status(404)), {
    session: () => "s",
  });
  expect(await callTool(upstream, "t")).toMatchObject({
    kind: "failed",
    text: "GW_UPSTREAM_ERROR",
  });
  expect(calls(server)).toBe(2);
});

test("requests of a legacy server: ping is answered, all else refused", async () => {
  const { server, upstream } = await start(
    (socket, request) => {
      const ask = (id: number, method: string) =>
        `data: ${JSON.stringify({ jsonrpc: "2.0", id, method, params: {} })}\n\n`;
      const body = `${ask(1, "ping")}${ask(2, "sampling/createMessage")}data: ${JSON.stringify(okResult(request))}\n\n`;
      socket.end(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n${body}`);
    },
    { session: () => "s" },
  );
  expect(await callTool(upstream, "t")).toMatchObject({ kind: "response" });
  const replies = () => server.requests.filter(({ method, body }) => method === "" && body !== "");
  await until(() => replies().length === 2);
  expect(
    replies()
      .map(({ body }) => JSON.parse(body))
      .toSorted((a, b) => a.id - b.id),
  ).toEqual([
    { jsonrpc: "2.0", id: 1, result: {} },
    { jsonrpc: "2.0", id: 2, error: { code: -32601, message: "Method not found" } },
  ]);
});

test("max_in_flight is a refusal before anything is sent", async () => {
  const { server, upstream } = await start(() => undefined, {}, { maxInFlight: 2 });
  startCall(upstream, "t");
  startCall(upstream, "t");
  expect(await callTool(upstream, "t")).toMatchObject({ kind: "thrown", text: "GW_UPSTREAM_BUSY" });
  await until(() => calls(server) === 2);
});

test("configured headers that would smuggle are refused before anything is sent", async () => {
  for (const value of ["a\r\nX: b", "a\0", "ü"]) {
    const transport = { ...httpUpstream("http://127.0.0.1:1/").transport, headers: { X: value } };
    expect(testUpstream(httpUpstream("", { transport } as object))).rejects.toThrow(
      "cannot be sent",
    );
  }
});
