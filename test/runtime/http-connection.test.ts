/** One connection of our own HTTP server: what a client sends, and what it gets for it. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/base/limits.ts";
import type { ServedRequest } from "../../src/runtime/http/request.ts";
import { echo, echoAtOnce, type Line, open, replies, streamOf } from "./http-kit.ts";

const head = (line: string, ...fields: string[]) =>
  `${[line, "Host: h", ...fields].join("\r\n")}\r\n\r\n`;
const get = (path: string, ...fields: string[]) => head(`GET ${path} HTTP/1.1`, ...fields);
const post = (path: string, body: string, ...fields: string[]) =>
  `${head(`POST ${path} HTTP/1.1`, ...fields, `Content-Length: ${body.length}`)}${body}`;
const raw = (body: string) => `${head("POST /a HTTP/1.1", "Transfer-Encoding: chunked")}${body}`;
const chunked = (path: string, ...chunks: string[]) => {
  const parts = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${head(`POST ${path} HTTP/1.1`, "Transfer-Encoding: chunked")}${parts.join("")}0\r\n\r\n`;
};

/** Status, body and how the connection went on, of each answer. */
async function talk(line: Line, ...sent: (string | Uint8Array)[]): Promise<string[]> {
  for (const bytes of sent) {
    line.send(bytes);
    await line.settle();
  }
  const all = replies(line.wire.out).map(({ status, body, headers }) => {
    const close = headers.get("connection") === "close" ? " close" : "";
    return `${status}${close} ${body}`;
  });
  return line.wire.ended === undefined ? all : [...all, line.wire.ended];
}

describe("requests", () => {
  const cases: readonly [name: string, sent: readonly string[], got: readonly string[]][] = [
    ["one", [get("/a")], ["200 GET /a "]],
    ["with a body", [post("/a", "xyz")], ["200 POST /a xyz"]],
    ["in chunks", [chunked("/a", "xy", "z")], ["200 POST /a xyz"]],
    ["chunks with extensions", [raw("1;a=b\r\nx\r\n0;c\r\n\r\n")], ["200 POST /a x"]],
    ["a trailer", [raw("1\r\nx\r\n0\r\na: b\r\n\r\n")], ["200 POST /a x"]],
    ["byte by byte", [...post("/a", "xyz"), ...get("/b")], ["200 POST /a xyz", "200 GET /b "]],
    [
      "three at once",
      [get("/a") + post("/b", "x") + get("/c")],
      [...["200 GET /a ", "200 POST /b x", "200 GET /c "]],
    ],
    ["close", [get("/a", "Connection: close")], ["200 close GET /a ", "shutdown"]],
    [
      "what comes after it is not read",
      [get("/a", "Connection: close") + get("/b")],
      [...["200 close GET /a ", "shutdown"]],
    ],
    [
      "nor what comes later",
      ["nonsense\r\n\r\n", get("/b")],
      [...["400 close bad request line", "shutdown"]],
    ],
    ["HTTP/1.0 ends", [head("GET /a HTTP/1.0")], ["200 close GET /a ", "shutdown"]],
    [
      "HTTP/1.0 ends, whatever it asks",
      [head("GET /a HTTP/1.0", "Connection: keep-alive")],
      [...["200 close GET /a ", "shutdown"]],
    ],
    [
      "100-continue",
      [post("/a", "", "Expect: 100-continue").replace(": 0", ": 2"), "xy"],
      [...["100 ", "200 POST /a xy"]],
    ],
    ["F27 no request", ["nonsense\r\n\r\n"], ["400 close bad request line", "shutdown"]],
    [
      "F27 a bad chunk",
      [raw("g\r\nx\r\n0\r\n\r\n")],
      [...["400 close bad chunk size", "shutdown"]],
    ],
    [
      "F27 a chunk longer than it says",
      [raw("1\r\nxy\r\n0\r\n\r\n")],
      [...["400 close bad end of a chunk", "shutdown"]],
    ],
    [
      "F27 a bare LF",
      [raw("1\nx\r\n0\r\n\r\n")],
      [...["400 close a line without CRLF", "shutdown"]],
    ],
    [
      "F27 both framings",
      [post("/a", "x", "Transfer-Encoding: chunked")],
      [...["400 close both Content-Length and Transfer-Encoding", "shutdown"]],
    ],
    [
      "F27 what follows bad framing is not read",
      [post("/a", "x", "Transfer-Encoding: chunked") + get("/b")],
      ["400 close both Content-Length and Transfer-Encoding", "shutdown"],
    ],
  ];
  test.each(cases)("%s", async (_, sent, got) => {
    expect(await talk(open(echo), ...sent)).toEqual([...got]);
  });

  test("F27 a body that breaks behind its answer ends the connection: nothing is read of it", async () => {
    const start = head("POST /a HTTP/1.1", "Transfer-Encoding: chunked");
    const line = open(() => new Response("early"));
    expect(await talk(line, start, "g\r\n", get("/b"))).toEqual(["200 early", "shutdown"]);
  });

  test("HEAD has no body and says no length", async () => {
    const line = open(() => new Response("text"));
    line.send(head("HEAD /a HTTP/1.1") + get("/b"));
    await line.settle();
    const [first, second] = replies(line.wire.out, (at) => at === 0);
    expect([first?.headers.has("content-length"), second?.body]).toEqual([false, "text"]);
  });

  test("a later answer of an earlier request comes first", async () => {
    const first = Promise.withResolvers<Response>();
    const line = open((request) => (request.url.endsWith("/a") ? first.promise : echo(request)));
    line.send(get("/a") + get("/b"));
    await line.settle();
    expect(line.wire.out.length).toBe(0);
    first.resolve(new Response("first"));
    await line.settle();
    expect(replies(line.wire.out).map(({ body }) => body)).toEqual(["first", "GET /b "]);
  });

  test("a handler that throws or rejects is a 500 without its text (O11)", async () => {
    const line = open((request) => {
      if (request.url.endsWith("/a")) throw new Error("secret");
      return Promise.reject(new Error("secret"));
    });
    expect(await talk(line, get("/a"), get("/b"))).toEqual([
      ...["500 internal error\n", "500 internal error\n"],
    ]);
  });
});

describe("property: what was asked is answered, in order", () => {
  const body = fc.string({ maxLength: 40, unit: "binary-ascii" });
  const asked = fc.record({
    path: fc.constantFrom("/a", "/b", "/longer/path"),
    body,
    chunks: fc.option(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }), {
      nil: undefined,
    }),
    how: fc.constantFrom("once", "later", "late", "stream", "unread"),
  });
  const text = (one: { path: string; body: string; chunks: number[] | undefined }) => {
    if (one.chunks === undefined) return post(one.path, one.body);
    const pieces: string[] = [];
    let at = 0;
    for (const size of one.chunks) {
      if (at < one.body.length) pieces.push(one.body.slice(at, at + size));
      at += size;
    }
    if (at < one.body.length) pieces.push(one.body.slice(at));
    return chunked(one.path, ...pieces);
  };

  test("F27 however it is cut, and however slowly the answers are taken", async () => {
    const run = fc.asyncProperty(
      fc.array(asked, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.constantFrom(0, 1, 7, 50, 5000), { minLength: 1, maxLength: 9 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
      async (all, cuts, takes, waits) => {
        let turn = 0;
        let served = 0;
        const take = () => takes[turn++ % takes.length] || (turn % 5 === 0 ? 3 : 0);
        const line = open((request) => answer(all[served++]?.how ?? "", request), 1000, take);
        const bytes = all.map(text).join("");
        for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
          const size = cuts[cut % cuts.length] ?? 1;
          line.send(bytes.slice(at, at + size));
          at += size;
          if (waits[cut % waits.length] === true) await line.settle();
        }
        await line.settle();
        const got = replies(line.wire.out).map((reply) => reply.body);
        expect(got).toEqual(all.map((one) => expected(one.how, one.path, one.body)));
        expect([line.wire.ended, line.wire.paused]).toEqual([undefined, false]);
      },
    );
    await fc.assert(run, { numRuns: 400 });
  });

  function expected(how: string, path: string, body: string): string {
    return how === "unread" ? "unread" : `POST ${path} ${body}`;
  }

  function answer(how: string, request: ServedRequest): Response | Promise<Response> {
    if (how === "unread") return new Response("unread");
    if (how === "once" && request.whole !== undefined) return echoAtOnce(request);
    const echoed = echo(request);
    if (how === "late") return echoed.then((one) => Bun.sleep(0).then(() => one));
    if (how !== "stream") return echoed;
    return echoed.then((one) => new Response(streamOf(pieces(one))));
  }

  async function* pieces(whole: Response): AsyncGenerator<Uint8Array> {
    for (const byte of new Uint8Array(await whole.arrayBuffer())) {
      yield new Uint8Array([byte]);
      if (byte % 7 === 0) await Bun.sleep(0);
    }
  }
});

describe("limits", () => {
  test("R1 a body that says it is too large is refused, let pass and the connection ends", async () => {
    const line = open(() => new Response("no", { status: 413 }));
    const got = await talk(
      line,
      head("POST /a HTTP/1.1", "Content-Length: 1001"),
      "x".repeat(1001),
    );
    expect(got).toEqual(["413 close no", "shutdown"]);
  });

  test.each([
    ["by its length", [post("/a", "x".repeat(1001))]],
    ["in chunks", [chunked("/a", "x".repeat(600), "x".repeat(600))]],
  ])(
    "R1 who reads a body that is too large gets a rejection, and that is 413: %s",
    async (_, sent) => {
      const [first] = await talk(open(echo), ...sent);
      expect(first).toMatch(/^413 /);
    },
  );

  test("R1 of a body that goes on for ever, only so much is let pass", async () => {
    const line = open(() => new Response("no", { status: 413 }));
    line.send(head("POST /a HTTP/1.1", "Content-Length: 999999999999"));
    const piece = Buffer.alloc(1024 * 1024);
    for (let sent = 0; sent <= limits.passedBodyBytes; sent += piece.length) line.send(piece);
    expect(line.wire.ended).toBeDefined();
    line.send(piece);
    await line.settle();
    for (let sent = 0; sent <= limits.passedBodyBytes; sent += piece.length) line.send(piece);
    expect(line.overs()).toBe(1);
  });

  test("R5 a head that drips, a connection that says nothing, a rest that drips: all have an end", async () => {
    const slow = open(echo);
    for (let ms = 0; ms < 2000; ms += 100) {
      slow.shared.now = 1 + ms;
      slow.send("G");
      slow.connection.tick(slow.shared.now);
    }
    expect(slow.wire.ended).toBe("terminate");
    const silent = open(echo);
    silent.connection.tick(900);
    expect(silent.wire.ended).toBeUndefined();
    silent.connection.tick(1100);
    expect([silent.wire.ended, silent.overs()]).toEqual(["terminate", 1]);
    const rest = open(() => new Response("no"));
    rest.send(head("POST /a HTTP/1.1", "Content-Length: 900"));
    await rest.settle();
    for (let ms = 0; ms < limits.passedBodyMs + 500; ms += 100) {
      rest.shared.now = 1 + ms;
      rest.send("x");
      rest.connection.tick(rest.shared.now);
    }
    expect(rest.wire.ended).toBe("terminate");
  });

  test("R5 who is patient is not idle until its answer is written", async () => {
    const answer = Promise.withResolvers<Response>();
    const line = open((request) => {
      request.patient = true;
      return answer.promise;
    });
    line.send(get("/a"));
    line.connection.tick(1_000_000);
    expect(line.wire.ended).toBeUndefined();
    answer.resolve(new Response("late"));
    await line.settle();
    line.connection.tick(1_000_000);
    expect(line.wire.ended).toBe("terminate");
  });

  test("R10 a body in chunks of one byte takes memory for its bytes, in linear time", async () => {
    const size = 1_000_000;
    const line = open(async (request) => new Response(`${(await request.bytes()).length}`), size);
    const part = Buffer.from("1\r\nx\r\n".repeat(10_000));
    line.send(head("POST /a HTTP/1.1", "Transfer-Encoding: chunked"));
    const before = process.memoryUsage().heapUsed;
    for (let sent = 0; sent < size; sent += 10_000) line.send(part);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 * size);
    line.send("0\r\n\r\n");
    await line.settle();
    expect(replies(line.wire.out)[0]?.body).toBe(String(size));
  });

  test("R7 who asks and does not read: no further request is served, and then none is read", async () => {
    let served = 0;
    const line = open(
      (request) => {
        served += 1;
        return echoAtOnce(request);
      },
      1000,
      () => 0,
    );
    for (let count = 0; count < 5000; count += 1) line.send(get(`/${count}`));
    for (let turn = 0; turn < 9; turn += 1) await Bun.sleep(0);
    expect([served, line.wire.paused]).toEqual([1, true]);
  });
});

describe("a socket that takes nothing for a while", () => {
  const slowly = (handle: Parameters<typeof open>[0]) => {
    const socket = { open: false };
    const line = open(handle, 1000, () => (socket.open ? 9 : 0));
    return Object.assign(line, {
      async flow() {
        socket.open = true;
        line.connection.drain();
        await line.settle();
      },
    });
  };

  test.each([
    ["at once", echoAtOnce],
    ["as a stream", echo],
  ])("R7 the next request waits for the answer before it to be taken: %s", async (_, handle) => {
    const served: string[] = [];
    const line = slowly((request) => {
      served.push(request.url);
      return handle(request);
    });
    line.send(get("/a") + get("/b"));
    await Bun.sleep(5);
    expect(served.length).toBe(1);
    await line.flow();
    expect(replies(line.wire.out).map(({ body }) => body)).toEqual(["GET /a ", "GET /b "]);
  });

  test("so it does where the body ends later than the answer", async () => {
    const served: string[] = [];
    const line = slowly((request) => {
      served.push(request.url);
      return new Response("early");
    });
    line.send(post("/a", "12345").slice(0, -2));
    await Bun.sleep(5);
    line.send(`45${get("/b")}`);
    await Bun.sleep(5);
    expect(served.length).toBe(1);
    await line.flow();
    expect(replies(line.wire.out).map(({ body }) => body)).toEqual(["early", "early"]);
  });

  test("the last answer arrives whole before the end, and what was paused is read on", async () => {
    const line = slowly(echo);
    line.send(get("/a", "Connection: close"));
    line.send("x".repeat(limits.pipelinedBytes + 1));
    await Bun.sleep(5);
    expect([line.wire.paused, line.wire.ended]).toEqual([true, undefined]);
    await line.flow();
    expect(replies(line.wire.out).map(({ body }) => body)).toEqual(["GET /a "]);
    expect([line.wire.paused, line.wire.ended]).toEqual([false, "shutdown"]);
  });

  test("a refusal arrives whole before the end", async () => {
    const line = slowly(echo);
    line.send("nonsense\r\n\r\n");
    await Bun.sleep(5);
    expect(line.wire.ended).toBeUndefined();
    await line.flow();
    expect(replies(line.wire.out).map(({ status }) => status)).toEqual([400]);
    expect(line.wire.ended).toBe("shutdown");
  });

  test("R5 who does not read is idle, however patient the request was", async () => {
    const line = slowly((request) => {
      request.patient = true;
      return echoAtOnce(request);
    });
    line.send(get("/a"));
    line.connection.tick(5000);
    expect(line.wire.ended).toBe("terminate");
  });
});

describe("ends", () => {
  test("a client that leaves: the body's reader, the signal and the answer's stream learn it", async () => {
    const seen: string[] = [];
    const body = new ReadableStream({
      pull: () => Bun.sleep(1000),
      cancel: () => {
        seen.push("stream");
      },
    });
    const reading = open((request) => {
      request.bytes().catch((error) => seen.push(String(error)));
      return new Promise(() => undefined);
    });
    reading.send(head("POST /a HTTP/1.1", "Content-Length: 9"));
    reading.connection.closed();
    const streaming = open((request) => {
      request.signal.addEventListener("abort", () => seen.push("signal"));
      return new Response(body);
    });
    streaming.send(get("/a"));
    await streaming.settle();
    streaming.connection.closed();
    streaming.connection.closed();
    await Bun.sleep(0);
    expect(seen.toSorted()).toEqual(["Error: the client left", "signal", "stream"]);
    expect([reading.overs(), streaming.overs()]).toEqual([1, 1]);
  });

  test("a stop ends what is idle at once, and what is under way behind its answer", async () => {
    const idle = open(echo);
    idle.shared.ending = true;
    idle.connection.finish();
    expect(idle.wire.ended).toBe("end");
    const answer = Promise.withResolvers<Response>();
    const busy = open(() => answer.promise);
    busy.send(get("/a") + get("/b"));
    busy.shared.ending = true;
    busy.connection.finish();
    expect(busy.wire.ended).toBeUndefined();
    answer.resolve(new Response("last"));
    expect(await talk(busy)).toEqual([]);
    await busy.settle();
    expect(await talk(busy)).toEqual(["200 close last", "end"]);
  });

  test("a stream that breaks cuts the connection: half an answer never looks whole", async () => {
    const line = open(() => new Response(streamOf(broken())));
    line.send(get("/a"));
    await line.settle();
    expect(line.wire.ended).toBe("terminate");
    expect(() => replies(line.wire.out)).toThrow("half a chunk");
  });

  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("one");
    await Bun.sleep(0);
    throw new Error("broken");
  }
});
