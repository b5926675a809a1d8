/** Raw bytes over a real listener: what the runtime and the front refuse together. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import net from "node:net";
import { limits } from "../../src/base/limits.ts";
import type { HttpFront } from "../../src/front/http.ts";
import { bunRuntime } from "../../src/runtime/bun.ts";
import type { Listener } from "../../src/runtime/runtime.ts";
import { echo, envelope, type Got, rpc, type World, world } from "./kit.ts";

const idleSeconds = 3;
const bodyBytesMax = 256 * 1024;
const ports: number[] = [];
let made: World;
let listener: Listener;
let behave: (got: Got) => void = echo;

beforeAll(async () => {
  const small = {
    bodyBytes: bodyBytesMax,
    resultBytes: 16 * 1024 * 1024,
    jsonDepth: 64,
    jsonValues: 20_000,
  };
  made = world((got) => behave(got), { ports, limits: small });
  listener = await listen(made.front);
  ports.push(listener.port);
});
afterAll(async () => {
  made.front.close();
  await listener.stop(true);
});

function listen(front: HttpFront): Promise<Listener> {
  const address = { host: "127.0.0.1", port: 0 };
  return bunRuntime.listen({ address, bodyBytesMax, idleSeconds, handle: front.handle });
}

/** What comes back until the other side closes, is silent for `quiet` ms, or `ms` passed. */
function send(text: string, ms = 400, quiet = 60): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve) => {
    let got = "";
    const socket = net.connect(listener.port, "127.0.0.1", () => socket.write(text));
    let timer = setTimeout(() => over(false), ms);
    const over = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text: got, closed });
    };
    socket.on("data", (data) => {
      got += data.toString("latin1");
      if (quiet >= ms) return;
      clearTimeout(timer);
      timer = setTimeout(() => over(false), quiet);
    });
    socket.on("close", () => over(true));
    socket.on("error", () => over(true));
  });
}

const statuses = (text: string) =>
  text
    .split("\r\n")
    .filter((line) => line.startsWith("HTTP/1.1 "))
    .map((line) => Number(line.slice(9, 12)));

const body = JSON.stringify(rpc("tools/list", { _meta: envelope }));

/** A good modern request; each line can be replaced, "" leaves it out. */
function request(over: Record<string, string> = {}, content = body): string {
  const lines: Record<string, string> = {
    start: "POST /mcp HTTP/1.1",
    host: `Host: localhost:${listener.port}`,
    key: "Authorization: Bearer alice",
    type: "Content-Type: application/json",
    accept: "Accept: application/json, text/event-stream",
    version: "MCP-Protocol-Version: 2026-07-28",
    method: "Mcp-Method: tools/list",
    length: `Content-Length: ${content.length}`,
    ...over,
  };
  const head = Object.values(lines).filter((line) => line !== "");
  return `${head.join("\r\n")}\r\n\r\n${content}`;
}

async function refused(text: string, status: number): Promise<void> {
  const before = made.got.length;
  const answer = await send(text);
  expect(statuses(answer.text)[0]).toBe(status);
  expect(made.got.length).toBe(before);
}

test("the good request passes", async () => {
  expect(statuses((await send(request())).text)).toEqual([200]);
});

describe("hosts and headers", () => {
  const port = () => listener.port;
  test("F2 two Host headers", () =>
    refused(request({ host: `Host: localhost:${port()}\r\nHost: localhost:${port()}` }), 400));
  test("F2 two different Host headers", () =>
    refused(request({ host: "Host: a\r\nHost: b" }), 400));
  test("F3 Host with a path", () => refused(request({ host: "Host: x/mcp?" }), 400));
  test("F3 Host with a user", () => refused(request({ host: "Host: user@evil" }), 400));
  test("F3 HTTP/1.0 without Host", () =>
    refused(request({ start: "POST /mcp HTTP/1.0", host: "" }), 400));
  test("F3 HTTP/1.1 without Host", () => refused(request({ host: "" }), 400));
  test("F3 an empty Host", () => refused(request({ host: "Host:" }), 400));
  test("F3 GET /admin with a Host that ends in a query", () =>
    refused("GET /admin HTTP/1.1\r\nHost: x/mcp?\r\n\r\n", 400));
  test("F10 two Authorization headers, in both orders", async () => {
    await refused(request({ key: "Authorization: Bearer alice\r\nAuthorization: Bearer x" }), 401);
    await refused(request({ key: "Authorization: Bearer x\r\nAuthorization: Bearer alice" }), 401);
  });
  test("F17 Mcp-Method twice", () =>
    refused(request({ method: "Mcp-Method: tools/list\r\nMcp-Method: tools/list" }), 400));
  test("two Content-Type headers", () =>
    refused(request({ type: "Content-Type: application/json\r\nContent-Type: text/plain" }), 415));
  test("two versions", () =>
    refused(
      request({ version: "MCP-Protocol-Version: 2026-07-28\r\nMCP-Protocol-Version: 2025-11-25" }),
      400,
    ));
  test("F13 odd targets with a key are not /mcp", async () => {
    for (const path of ["/mcp/", "//mcp", "/mcp%2f", "/MCP", "/mcp;x", "/%6dcp", "/mcp/../x"]) {
      await refused(request({ start: `POST ${path} HTTP/1.1` }), 404);
    }
  });
  test("F13 the runtime resolves dot segments: such a target is /mcp, key and all", async () => {
    for (const path of ["/x/../mcp", "/./mcp", "/%2e%2e/mcp", "/a\\..\\mcp"]) {
      const start = `POST ${path} HTTP/1.1`;
      expect([path, statuses((await send(request({ start }))).text)]).toEqual([path, [200]]);
      await refused(request({ start, key: "" }), 401);
    }
  });
});

describe("F21 request smuggling: refused, and nothing behind it is handled", () => {
  const second = () => request();
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const cases: [string, () => string][] = [
    ["CL and TE", () => request({ te: "Transfer-Encoding: chunked" }, chunked)],
    ["two lengths", () => request({ more: `Content-Length: ${body.length + 1}` })],
    ["a list of lengths", () => request({ length: "Content-Length: 5, 6" })],
    ["a negative length", () => request({ length: "Content-Length: -1" })],
    ["a signed length", () => request({ length: `Content-Length: +${body.length}` })],
    ["a hex length", () => request({ length: "Content-Length: 0xAB" })],
    ["TE other than chunked", () => request({ length: "Transfer-Encoding: xchunked" }, chunked)],
    ["TE identity", () => request({ length: "Transfer-Encoding: identity" }, chunked)],
    ["a folded header", () => request({ x: "X-A: 1\r\n Transfer-Encoding: chunked" })],
    ["space before the colon", () => request({ length: `Content-Length : ${body.length}` })],
    ["NUL in a header", () => request({ x: "X-A: \0" })],
    ["a bare LF", () => request().replaceAll("\r\n", "\n")],
    [
      "a bad chunk size",
      () => request({ length: "Transfer-Encoding: chunked" }, `zz\r\n${body}\r\n0\r\n\r\n`),
    ],
    [
      "a huge chunk size",
      () => request({ length: "Transfer-Encoding: chunked" }, `ffffffffffffffffff\r\n${body}`),
    ],
    ["a header name with a space", () => request({ x: "X A: 1" })],
    ["a header block of 20 kB", () => request({ x: `X-A: ${"a".repeat(20_000)}` })],
  ];
  test.each(cases)("%s", async (_, make) => {
    const before = made.got.length;
    const answer = await send(make() + second());
    const [first, ...more] = statuses(answer.text);
    expect(first ?? 400).toBeGreaterThanOrEqual(400);
    expect(more.filter((status) => status < 400)).toEqual([]);
    expect(made.got.length).toBe(before);
    expect(statuses((await send(request())).text)).toEqual([200]);
  });
  test("good chunks pass", async () => {
    const answer = await send(request({ length: "Transfer-Encoding: chunked" }, chunked));
    expect(statuses(answer.text)).toEqual([200]);
  });
});

describe("R1 sizes", () => {
  test("a length of 5 GB is refused before its body", () =>
    refused(request({ length: "Content-Length: 5000000000" }), 413));
  test("chunks over the limit", () => {
    const chunk = `10000\r\n${"a".repeat(65_536)}\r\n`;
    return refused(request({ length: "Transfer-Encoding: chunked" }, chunk.repeat(6)), 413);
  });
  test("a length that lies: the rest is no second call", async () => {
    const before = made.got.length;
    const answer = await send(
      request({ length: "Content-Length: 10" }, `${body}${"x".repeat(10_000)}`),
    );
    expect(statuses(answer.text)[0]).toBe(400);
    expect(made.got.length).toBe(before);
  });
});

describe("R5 idle connections", () => {
  // Bun cuts at 12 s what never sent a request, and at the configured time (3 s here) the others.
  test("slow senders and silent ones are cut; streams and slow calls are not", async () => {
    const half = request();
    const slow = ["", half.slice(0, 30), half.slice(0, half.length - 20)].map((text) =>
      send(text, 15_000, 15_000),
    );
    const begun = Promise.withResolvers<() => void>();
    behave = (got) => {
      got.reply.notify('{"jsonrpc":"2.0","method":"notifications/progress"}');
      begun.resolve(() => echo(got));
    };
    const streaming = send(request(), 15_000, 15_000);
    const answerLater = await begun.promise;
    behave = echo;
    expect(statuses((await send(request())).text)).toEqual([200]);
    await Bun.sleep(6_500);
    answerLater();
    expect((await Promise.all(slow)).map((one) => one.closed)).toEqual([true, true, true]);
    const { text, closed } = await streaming;
    expect(text).toContain("notifications/progress");
    expect(text).toContain('"result"');
    // The exemption ends with the answer.
    expect(closed).toBe(true);
  }, 20_000);
});

describe("R5 F11 bodies that take their time", () => {
  /** All but the last byte, and what to do with it; `answer` is what came back at the end. */
  async function park(over: Record<string, string> = {}, content = body) {
    const text = request(over, content);
    const socket = net.connect(listener.port, "127.0.0.1");
    const closed = new Promise<string>((resolve) => {
      let got = "";
      socket.on("data", (data) => {
        got += data.toString("latin1");
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(got));
      setTimeout(() => socket.destroy(), 2_000);
    });
    socket.write(text.slice(0, -1));
    await Bun.sleep(100);
    return { socket, closed, finish: () => socket.write(text.slice(-1)) };
  }
  const chunks = `${body.length.toString(16)}\r\n${body}`;

  test.each([
    ["with a length", undefined, body],
    ["in chunks", { length: "Transfer-Encoding: chunked" }, chunks],
  ] as const)("%s: one that drips is answered 408 and cut", async (_, over, content) => {
    const before = made.got.length;
    const { closed } = await park(over, content);
    await made.clock.advance(limits.bodyMs + limits.frontTickMs);
    const text = await closed;
    expect(statuses(text)).toEqual([408]);
    expect(text).toContain("GW_BODY_SLOW");
    expect(made.got.length).toBe(before);
  });

  test("the last byte after the key's end", async () => {
    const before = made.got.length;
    const key = "Authorization: Bearer bob";
    const { finish, closed } = await park({ key, close: "Connection: close" });
    made.revoke("bob");
    finish();
    expect(statuses(await closed)).toEqual([401]);
    expect(made.got.length).toBe(before);
  });
});

describe("clients that leave", () => {
  async function leave(during: (got: Got) => void): Promise<Got> {
    behave = during;
    await send(request(), 150);
    await Bun.sleep(150);
    behave = echo;
    return made.got.at(-1)!;
  }
  test("before the answer", async () => {
    expect((await leave(() => {})).cancelled).toBe("the client closed the response");
  });
  test("within the stream", async () => {
    const got = await leave(({ reply }) => reply.notify('{"jsonrpc":"2.0","method":"x"}'));
    expect(got.cancelled).toBe("the client closed the response");
    expect(made.front.status().inFlight).toBe(0);
  });
  test("R6 streams of clients that left are forgotten", async () => {
    const listening = body
      .replace("tools/list", "subscriptions/listen")
      .replace('"params":{', '"params":{"notifications":{},');
    const text = request(
      { method: "Mcp-Method: subscriptions/listen", length: `Content-Length: ${listening.length}` },
      listening,
    );
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(text, 200)));
    expect(answers.every((answer) => answer.text.includes("acknowledged"))).toBe(true);
    await Bun.sleep(150);
    expect(made.front.status().streams).toBe(0);
  });
});
