/** One connection of our own HTTP server: what a client sends, and what it gets for it. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ServedRequest } from "../../src/runtime/http/request.ts";
import {
  chunked,
  echo,
  echoAtOnce,
  get,
  head,
  open,
  post,
  raw,
  replies,
  streamOf,
  talk,
} from "./http-kit.ts";

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

  test("F12 who left before its address was asked for is nobody of this machine", () => {
    let asked: ServedRequest | undefined;
    const line = open((request) => {
      asked = request;
      return new Promise(() => undefined);
    });
    line.send(post("/a", "x"));
    line.connection.terminate();
    expect(asked?.carrier.address).toBe("");
  });

  test("behind more than is kept a body that comes later is still read", async () => {
    const line = open(echo, 100_000);
    const before = get("/a").repeat(2000);
    const body = "x".repeat(50_000);
    line.send(before + post("/b", body).slice(0, -40_000));
    await line.settle();
    expect([replies(line.wire.out).length, line.wire.paused]).toEqual([2000, false]);
    line.send(body.slice(-40_000));
    await line.settle();
    expect(replies(line.wire.out).at(-1)?.body).toBe(`POST /b ${body}`);
  });

  test.each([
    ["as it says", 6, undefined],
    ["shorter: nobody takes it for whole", 7, "terminate"],
    ["longer: the rest is no answer of the next request", 5, "terminate"],
  ])("a stream that says its length is sent by it: %s", async (_, length, ended) => {
    async function* pieces() {
      for (const text of ["one", "two"]) {
        yield Buffer.from(text);
        await Bun.sleep(1);
      }
    }
    const headers = { "content-length": String(length) };
    const line = open(() => new Response(streamOf(pieces()), { headers }));
    line.send(get("/a"));
    await Bun.sleep(20);
    await line.settle();
    expect(line.wire.ended).toBe(ended as string);
    if (ended !== undefined) return;
    const [only] = replies(line.wire.out);
    expect([only?.body, only?.headers.get("transfer-encoding")]).toEqual(["onetwo", undefined]);
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
