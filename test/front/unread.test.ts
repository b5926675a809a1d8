/** Large answers: whole, from a copy, in every form, and bounded while nobody reads them (R7). */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import net from "node:net";
import { limits } from "../../src/base/limits.ts";
import { bunRuntime } from "../../src/runtime/bun.ts";
import type { Listener } from "../../src/runtime/runtime.ts";
import { settle } from "../kit/scripted.ts";
import { type Body, codeOf, type Got, modern, open, post, rpc, type World, world } from "./kit.ts";

const mega = 1024 * 1024;
const call = () => modern("tools/call", { name: "a__b", arguments: {} });

/** Answers with a result of this many bytes and takes its memory back at once. */
function answerWith(size: number, letter = "a", before = false): (got: Got) => void {
  return ({ reply }) => {
    const bytes = new Uint8Array(size).fill(letter.charCodeAt(0));
    if (before) reply.notify('{"jsonrpc":"2.0","method":"notifications/progress"}');
    reply.send(200, ['{"jsonrpc":"2.0","id":1,"result":{"x":"', bytes, '"}}']);
    bytes.fill(0);
    bytes.buffer.transfer(0);
  };
}

const unread = (made: World) => made.front.status().unreadBytes;

describe("what arrives", () => {
  const forms: [string, boolean][] = [
    ["application/json", false],
    ["application/json, text/event-stream", false],
    ["text/event-stream", false],
    ["application/json, text/event-stream", true],
  ];
  for (const size of [10, 64 * 1024, 64 * 1024 + 1, mega, 3 * mega + 5]) {
    test.each(forms)(`${size} bytes as %p, a stream before: %p`, async (accept, before) => {
      const made = world(answerWith(size, "b", before));
      const session = await open(made);
      const answer = await made.ask(post(rpc("tools/call", {}), { ...session, accept }));
      const text = await answer.text();
      const json = answer.headers.get("content-type") === "application/json";
      const message = json ? text : (text.split("data: ").at(-1) ?? "");
      const body = JSON.parse(message) as Body;
      expect(body.result?.["x"]).toBe("b".repeat(size));
      expect(unread(made)).toBe(0);
    });
  }
});

describe("R7 what is not read", () => {
  const size = 15 * mega;

  test("is counted; beyond the key's bytes an answer is dropped, and that is said", async () => {
    const made = world(answerWith(size));
    const kept: Response[] = [];
    while (unread(made) + size < limits.unreadBytesPerKey) kept.push(await made.ask(call()));
    expect(kept).toHaveLength(4);
    expect(unread(made)).toBeGreaterThan(4 * size);
    const dropped = await made.ask(call());
    expect([dropped.status, await codeOf(dropped)]).toEqual([200, "GW_CLIENT_SLOW"]);
    // Others, and small answers, are not concerned.
    expect((await made.ask(modern("tools/call", {}, { authorization: "Bearer bob" }))).status).toBe(
      200,
    );
    const text = await kept[0]!.text();
    expect(text.length).toBeGreaterThan(size);
    const after = await made.ask(call());
    expect((await after.text()).length).toBe(text.length);
  });

  test("a key at its bound has its calls refused before they are made", async () => {
    const made = world(answerWith(limits.unreadBytesPerKey - 1000));
    await made.ask(call());
    const answer = await made.ask(call());
    expect([answer.status, await codeOf(answer)]).toEqual([503, "GW_CLIENT_SLOW"]);
    expect(answer.headers.get("retry-after")).toBe("2");
    expect(made.got).toHaveLength(1);
  });

  test("one answer of any size is given to a key that has none unread", async () => {
    const made = world(answerWith(limits.unreadBytesPerKey + mega));
    const answer = await made.ask(call());
    expect(answer.body).not.toBeNull();
    expect(unread(made)).toBeGreaterThan(limits.unreadBytesPerKey);
    await answer.body!.cancel();
    expect(unread(made)).toBe(0);
  });

  test("beyond the bytes of all keys too", async () => {
    const made = world(answerWith(limits.unreadBytes - mega));
    await made.ask(call());
    const bob = { authorization: "Bearer bob" };
    const answer = await made.ask(modern("tools/call", { name: "a__b" }, bob));
    expect([answer.status, await codeOf(answer)]).toEqual([200, "GW_CLIENT_SLOW"]);
  });

  test.each([false, true])(
    "a reader that stops is let go (a stream before: %p)",
    async (before) => {
      const made = world(answerWith(5 * mega, "a", before));
      const answer = await made.ask(call());
      const reader = answer.body!.getReader();
      await reader.read();
      await made.clock.advance(limits.unreadMs - limits.frontTickMs);
      expect(unread(made)).toBeGreaterThan(5 * mega);
      await made.clock.advance(2 * limits.frontTickMs);
      expect(unread(made)).toBe(0);
      const rest = (async () => {
        for (;;) if ((await reader.read()).done) return "ended as if whole";
      })();
      expect(await rest.catch(() => "broken off")).toBe("broken off");
    },
  );

  test("what leaves with its client", async () => {
    const made = world(answerWith(5 * mega, "a", true));
    const answer = await made.ask(call());
    await answer.body!.cancel();
    await settle();
    expect(unread(made)).toBe(0);
  });
});

/** Answers out of memory that it writes over once it has that back; `room`: around the result. */
function answerLent(size: number, room: number, back: string[]): (got: Got) => void {
  return ({ reply }) => {
    const memory = new Uint8Array(size + 2 * room).fill(63);
    const bytes = memory.subarray(room, room + size);
    for (let at = 0; at < size; at += 1) bytes[at] = letter(at);
    reply.send(200, ['{"jsonrpc":"2.0","id":"ü","result":{"x":"', bytes, '"}}'], () => {
      back.push("given back");
      memory.fill(33);
      memory.buffer.transfer(0);
    });
  };
}

/** No two pieces of a size that sockets take are alike. */
const letter = (at: number): number => 97 + ((at + Math.floor(at / 1009)) % 26);

describe("R7 lent memory", () => {
  const forms: [string, boolean][] = [
    ["application/json", true],
    ["application/json", false],
    ["text/event-stream", true],
  ];
  for (const size of [10, 70_000, 3 * mega]) {
    for (const room of [0, 100]) {
      test.each(forms)(`${size} bytes, room ${room}, %s, it takes: %p`, async (accept, takes) => {
        const back: string[] = [];
        const made = world(answerLent(size, room, back));
        const peer = takes ? { ...made.peer, takesAtOnce: true as const } : made.peer;
        const session = await open(made);
        const request = post(rpc("tools/call", {}), { ...session, accept });
        const answer = await made.front.handle(request, peer);
        const waits = takes && room > 0 && size > 10 && accept === "application/json";
        expect(back).toHaveLength(waits ? 0 : 1);
        // As a runtime that takes at once does.
        let text = "";
        const decoder = new TextDecoder();
        for await (const slice of answer.body!) text += decoder.decode(slice, { stream: true });
        expect(text).toContain(`"id":"ü","result":{"x":"abcdefghij`);
        expect(text.trimEnd()).toEndWith(`${String.fromCharCode(letter(size - 1))}"}}`);
        expect(text).not.toContain("!");
        expect(text).not.toContain("?");
        expect([back.length, unread(made)]).toEqual([1, 0]);
      });
    }
  }

  test("what has no room is dropped, and its memory given back", async () => {
    const back: string[] = [];
    const made = world(answerLent(limits.unreadBytesPerKey - mega, 100, back));
    const peer = { ...made.peer, takesAtOnce: true as const };
    await made.front.handle(call(), peer);
    expect(back).toHaveLength(0);
    const dropped = (await made.front.handle(call(), peer)) as Response;
    expect([await codeOf(dropped), back.length]).toEqual(["GW_CLIENT_SLOW", 1]);
    await made.clock.advance(limits.unreadMs + limits.frontTickMs);
    expect([back.length, unread(made)]).toEqual([2, 0]);
  });
});

describe("R7 over a socket", () => {
  let made: World;
  let listener: Listener;
  const ports: number[] = [];
  let behave: (got: Got) => void = answerWith(15 * mega);

  beforeAll(async () => {
    made = world((got) => behave(got), { ports });
    const address = { host: "127.0.0.1", port: 0 };
    const { handle } = made.front;
    listener = await bunRuntime.listen({ address, bodyBytesMax: mega, idleSeconds: 30, handle });
    ports.push(listener.port);
  });
  afterAll(async () => {
    made.front.close();
    await listener.stop(true);
  });

  async function raw(request: Request): Promise<net.Socket> {
    const body = await request.text();
    const head = [...request.headers]
      .filter(([name]) => name !== "host")
      .map(([name, value]) => `${name}: ${value}`);
    const socket = net.connect(listener.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    const lines = ["POST /mcp HTTP/1.1", `Host: localhost:${listener.port}`, ...head];
    socket.write(`${lines.join("\r\n")}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return socket;
  }

  test.each([70_000, mega, 9 * mega])(
    "%p bytes of lent memory reach a slow reader as they were; it comes back once",
    async (size) => {
      const back: string[] = [];
      behave = answerLent(size, 100, back);
      const sockets = await Promise.all(Array.from({ length: 4 }, () => raw(call())));
      await Bun.sleep(50);
      const bodies = await Promise.all(sockets.map((socket) => slowly(socket)));
      const wanted = Buffer.alloc(size);
      for (let at = 0; at < size; at += 1) wanted[at] = letter(at);
      const text = `{"jsonrpc":"2.0","id":"ü","result":{"x":"${wanted.toString()}"}}`;
      for (const body of bodies) expect(body === text).toBe(true);
      await Bun.sleep(20);
      expect([back.length, unread(made)]).toEqual([4, 0]);
      for (const socket of sockets) socket.destroy();
      behave = answerWith(15 * mega);
    },
    30_000,
  );

  test("lent memory of who leaves in the middle comes back once", async () => {
    const back: string[] = [];
    behave = answerLent(9 * mega, 100, back);
    const socket = await raw(call());
    await Bun.sleep(100);
    expect(back).toHaveLength(0);
    socket.destroy();
    await Bun.sleep(200);
    expect([back.length, unread(made)]).toEqual([1, 0]);
    behave = answerWith(15 * mega);
    made.got.length = 0;
  });

  test("who reads nothing is bounded, and what leaves is not counted", async () => {
    const sockets = await Promise.all(Array.from({ length: 12 }, () => raw(call())));
    await Bun.sleep(500);
    expect(made.got).toHaveLength(12);
    expect(unread(made)).toBeGreaterThan(45 * mega);
    expect(unread(made)).toBeLessThan(limits.unreadBytesPerKey);
    for (const socket of sockets) socket.destroy();
    await Bun.sleep(200);
    expect(unread(made)).toBe(0);
  });

  test.each(["modern", "legacy"])("%s: who left before the answer came", async (era) => {
    let answer = () => {};
    behave = (got) => {
      answer = () => answerWith(15 * mega)(got);
    };
    const session =
      era === "modern" ? undefined : await open(made, { host: `localhost:${listener.port}` });
    const socket = await raw(session === undefined ? call() : post(rpc("tools/call"), session));
    await Bun.sleep(100);
    socket.destroy();
    await Bun.sleep(100);
    answer();
    await Bun.sleep(200);
    expect(unread(made)).toBe(0);
  });
});

/** The body of an answer, read with rests: the socket of its sender is full meanwhile. */
function slowly(socket: net.Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let come = 0;
    let wanted = Number.POSITIVE_INFINITY;
    socket.on("close", () => reject(new Error("closed")));
    socket.on("data", (chunk: Buffer) => {
      parts.push(chunk);
      come += chunk.length;
      if (wanted === Number.POSITIVE_INFINITY) wanted = lengthOf(Buffer.concat(parts));
      if (come >= wanted) {
        const whole = Buffer.concat(parts);
        resolve(whole.toString("utf8", whole.indexOf("\r\n\r\n") + 4));
        return;
      }
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    socket.resume();
  });
}

/** Of the whole answer, with its head; Infinity: not known yet. */
function lengthOf(answer: Buffer): number {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) return Number.POSITIVE_INFINITY;
  const [, length] = /content-length: (\d+)/.exec(answer.toString("latin1", 0, end)) ?? [];
  return end + 4 + Number(length);
}
