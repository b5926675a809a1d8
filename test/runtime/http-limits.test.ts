/** How a connection of our own HTTP server ends, and what it takes at most. */

import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import {
  chunked,
  echo,
  echoAtOnce,
  get,
  head,
  open,
  post,
  replies,
  streamOf,
  talk,
} from "./http-kit.ts";

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

  test("R10 what many small requests in one piece ask is answered before more of it is read", async () => {
    const line = open(echoAtOnce);
    const flood = get("/a").repeat(10_000);
    let sent = 0;
    let most = 0;
    for (let turn = 0; turn < 200; turn += 1) {
      if (!line.wire.paused) {
        line.send(flood);
        sent += 10_000;
      }
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, sent - turn);
    }
    expect(most).toBeLessThanOrEqual(10_000);
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

  test("R5 between requests an idle connection ends without an error, and for good", async () => {
    const line = open(echo);
    await talk(line, get("/a"));
    line.connection.tick(1100);
    expect(line.wire.ended).toBe("end");
    line.connection.tick(2100);
    expect(line.overs()).toBe(1);
  });

  test("R5 who takes no answer wins no time by sending on", async () => {
    const line = open(
      () => new Response("x".repeat(5000)),
      1000,
      () => 0,
    );
    line.send(get("/a"));
    for (let turn = 0; turn < 5; turn += 1) await new Promise((next) => setImmediate(next));
    for (let ms = 0; ms < 1500; ms += 100) {
      line.shared.now = 1 + ms;
      line.send("G");
      line.connection.tick(line.shared.now);
    }
    expect(line.wire.ended).toBe("terminate");
  });

  test("R17 a body that nobody reads rejects nothing", async () => {
    const rejected: unknown[] = [];
    const note = (thrown: unknown) => rejected.push(thrown);
    process.on("unhandledRejection", note);
    const line = open((request) => new Response(request.body === null ? "none" : "some"));
    line.send(head("POST /a HTTP/1.1", "Content-Length: 1001"));
    await line.settle();
    process.off("unhandledRejection", note);
    expect(rejected).toEqual([]);
  });

  test("R5 a head has its own time, which ends when it is there; not on a unix socket", async () => {
    const rows = [
      ["silent", "", false, "terminate"],
      ["half a head", "GET /", false, "terminate"],
      ["answered before", get("/a"), false, undefined],
      ["of this machine", "GET /", true, undefined],
    ] as const;
    for (const [name, sent, unix, ended] of rows) {
      const line = open(echo);
      Object.assign(line.shared, { unix, idleMs: 60_000 });
      if (sent !== "") line.send(sent);
      await line.settle();
      line.connection.tick(limits.requestHeadMs + 500);
      expect([name, line.wire.ended]).toEqual([name, ended]);
    }
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
    expect(line.wire.ended).toBe("end");
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
