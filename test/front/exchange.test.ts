import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { settle } from "../kit/scripted.ts";
import { type Body, bodyOf, follow, modern, open, post, rpc, world } from "./kit.ts";

const silent = () => {};
const call = rpc("tools/call", { name: "a__b" });
const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}';
const result = ['{"jsonrpc":"2.0","id":1,"result":', new TextEncoder().encode('{"é":1}'), "}"];
const whole: Body = { jsonrpc: "2.0", id: 1, result: { é: 1 } };

async function asked(accept: string) {
  const made = world(silent);
  const session = await open(made);
  const waiting = made.ask(post(call, { ...session, accept }));
  await settle();
  return { made, waiting, reply: made.got[0]!.reply };
}

/** The JSON-RPC messages of an event stream. */
function messages(text: string): unknown[] {
  return text
    .split("\n\n")
    .filter((event) => event.includes("data: {"))
    .map((event) =>
      JSON.parse(
        event
          .split("\n")
          .filter((line) => line.startsWith("data:"))
          .map((line) => line.slice(5))
          .join("\n"),
      ),
    );
}

describe("the form of an answer", () => {
  test.each(["application/json, text/event-stream", "application/json", "*/*"])(
    "JSON for %p while nothing came before it",
    async (accept) => {
      const { waiting, reply } = await asked(accept);
      reply.send(404, result);
      const answer = await waiting;
      expect([answer.status, answer.headers.get("content-type")]).toEqual([
        404,
        "application/json",
      ]);
      expect(await bodyOf(answer)).toEqual(whole);
    },
  );
  test("one event for a client that reads only streams", async () => {
    const { waiting, reply } = await asked("text/event-stream");
    reply.send(200, result);
    const answer = await waiting;
    expect(answer.headers.get("x-accel-buffering")).toBe("no");
    expect(messages(await answer.text())).toEqual([whole]);
  });
  test("a notification begins a stream, the answer ends it", async () => {
    const { made, waiting, reply } = await asked("application/json, text/event-stream");
    reply.notify(progress);
    const answer = await waiting;
    const stream = follow(answer);
    await settle();
    expect(messages(stream.text())).toEqual([JSON.parse(progress)]);
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    expect(made.peer.kept).toBe(1);
    reply.send(404, result);
    await settle();
    expect(answer.status).toBe(200);
    expect(messages(stream.text())).toEqual([JSON.parse(progress), whole]);
    expect(stream.over()).toBe(true);
    reply.send(200, result);
    reply.notify(progress);
    expect(made.front.status().inFlight).toBe(0);
  });
  test("line breaks inside the JSON stay inside the event", async () => {
    const { waiting, reply } = await asked("text/event-stream");
    reply.send(200, ['{"jsonrpc":"2.0",\r\n"id":1,\n', new TextEncoder().encode('"result":{\r}}')]);
    expect(messages(await (await waiting).text())).toEqual([{ jsonrpc: "2.0", id: 1, result: {} }]);
  });
  test("a JSON client gets no notifications", async () => {
    const { waiting, reply } = await asked("application/json");
    reply.notify(progress);
    reply.send(200, result);
    expect(await bodyOf(await waiting)).toEqual(whole);
  });
});

describe("slow calls", () => {
  test("become a stream with heartbeats", async () => {
    const { made, waiting, reply } = await asked("application/json, text/event-stream");
    await made.clock.advance(limits.answerAsStreamAfterMs + limits.frontTickMs);
    const stream = follow(await waiting);
    await made.clock.advance(limits.heartbeatMs * 3 + limits.frontTickMs * 3);
    expect(stream.text().split("\n\n").length).toBeGreaterThanOrEqual(4);
    expect(made.peer.kept).toBe(1);
    reply.send(200, result);
    await settle();
    expect(messages(stream.text())).toEqual([whole]);
  });
  test("a JSON client's connection is kept open instead", async () => {
    const { made, waiting, reply } = await asked("application/json");
    await made.clock.advance(limits.answerAsStreamAfterMs * 4);
    expect([made.peer.kept, made.peer.limited]).toEqual([1, 0]);
    reply.send(200, result);
    expect(made.peer.limited).toBe(1);
    expect(await bodyOf(await waiting)).toEqual(whole);
  });
});

describe("slow readers", () => {
  test("R7 progress that is not read is left out, the answer is not", async () => {
    const made = world(silent);
    const waiting = made.ask(modern("tools/call", { name: "a" }));
    await settle();
    const { reply } = made.got[0]!;
    const long = `{"jsonrpc":"2.0","method":"x","params":{"a":"${"x".repeat(10_000)}"}}`;
    for (let at = 0; at < 1_000; at++) reply.notify(long);
    reply.send(200, result);
    const text = await (await waiting).text();
    expect(text.length).toBeLessThan(limits.streamBacklogBytes + 3 * long.length);
    expect(text).toContain('{"jsonrpc":"2.0","id":1,"result":{"é":1}}');
  });
});
