import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/base/limits.ts";
import { type EventId, readEventId, writeEventId } from "../../src/front/event-id.ts";
import { settle } from "../kit/scripted.ts";
import {
  codeOf,
  type Event,
  eventsOf,
  follow,
  type Got,
  type Headers_,
  messagesOf,
  open,
  post,
  rpc,
  to,
  type World,
  world,
} from "./kit.ts";

const silent = () => {};
const progress = (at: number | string) =>
  JSON.stringify({
    ...{ jsonrpc: "2.0", method: "notifications/progress" },
    params: { progressToken: at },
  });
const finish = (got: Got, result = "{}") =>
  got.reply.send(200, [`{"jsonrpc":"2.0","id":${got.incoming.message.idText},"result":${result}}`]);

interface Streaming {
  readonly made: World;
  readonly session: Headers_;
  readonly got: Got;
  readonly stream: ReturnType<typeof follow>;
}

/** A call that has sent one notification on its stream. */
async function streaming(id: string | number = 1, made = world(silent)): Promise<Streaming> {
  const session = await open(made);
  const waiting = made.ask(post(rpc("tools/call", { name: "a__b" }, id), session));
  await settle();
  const got = made.got.at(-1)!;
  got.reply.notify(progress(1));
  const stream = follow(await waiting);
  await settle();
  return { made, session, got, stream };
}

const lastId = (events: readonly Event[]) => events.findLast(({ id }) => id !== undefined)!.id!;
const resume = (made: World, session: Headers_, id: string) =>
  made.ask(to("GET", "/mcp", { ...session, "last-event-id": id }));

describe("event ids", () => {
  test("2025-11-25: a stream begins with a place to come back to and a time", async () => {
    const { stream } = await streaming();
    const [first, second] = eventsOf(stream.text());
    expect(first).toMatchObject({ data: "", retry: String(limits.sseRetryMs), event: undefined });
    expect([second?.event, second?.data]).toEqual(["message", progress(1)]);
    expect(first?.id).not.toBe(second?.id);
  });
  test.each(["2025-06-18", "2025-03-26", "2024-11-05"])(
    "%s: no event without data, which its clients take for a broken message",
    async (protocolVersion) => {
      const made = world(silent);
      const params = { protocolVersion, capabilities: {}, clientInfo: {} };
      const { headers } = await made.ask(post(rpc("initialize", params)));
      const session = { "mcp-session-id": headers.get("mcp-session-id") ?? "" };
      const waiting = made.ask(post(rpc("tools/call", { name: "a" }), session));
      await settle();
      made.got[0]?.reply.notify(progress(1));
      const stream = follow(await waiting);
      await settle();
      const events = eventsOf(stream.text());
      expect(events.map(({ data }) => data)).toEqual([progress(1)]);
      expect(events[0]?.id).toBeString();
    },
  );
  test("no two of a session are the same, whatever its requests are called", async () => {
    const made = world(silent);
    const session = await open(made);
    const ids: string[] = [];
    for (const id of [1, "1", 'é"x', 2]) {
      const waiting = made.ask(post(rpc("tools/call", { name: "a" }, id), session));
      await settle();
      const got = made.got.at(-1)!;
      for (const at of [1, 2, 3]) got.reply.notify(progress(at));
      finish(got);
      ids.push(...eventsOf(await (await waiting).text()).map((event) => event.id ?? ""));
    }
    expect([ids.length, new Set(ids).size]).toEqual([20, 20]);
  });
});

describe("a stream that broke", () => {
  test("is no cancellation: the call goes on, and its answer waits for the client", async () => {
    const { made, session, got, stream } = await streaming("käse");
    await stream.leave();
    expect(got.cancelled).toBe(undefined);
    got.reply.notify(progress(2));
    finish(got, '{"a":1}');
    expect(made.front.status().inFlight).toBe(0);
    const again = await resume(made, session, lastId(eventsOf(stream.text())));
    expect(again.headers.get("content-type")).toBe("text/event-stream");
    expect(messagesOf(await again.text())).toEqual([
      JSON.parse(progress(2)),
      { jsonrpc: "2.0", id: "käse", result: { a: 1 } },
    ]);
  });
  test("goes on with what comes, also from the first event on", async () => {
    const { made, session, got, stream } = await streaming();
    const [first] = eventsOf(stream.text());
    await stream.leave();
    const again = follow(await resume(made, session, first!.id!));
    await settle();
    expect(messagesOf(again.text())).toEqual([JSON.parse(progress(1))]);
    got.reply.notify(progress(2));
    finish(got);
    await settle();
    expect(messagesOf(again.text()).map((message) => message.id)).toEqual([
      undefined,
      undefined,
      1,
    ]);
    expect([again.over(), made.peer.kept, made.peer.limited]).toEqual([true, 2, 2]);
  });
  test("brings a question that its client never saw, which can then be answered", async () => {
    const { made, session, got, stream } = await streaming();
    await stream.leave();
    const asked = got.reply.ask("roots/list", ["{}"])!;
    const again = follow(await resume(made, session, lastId(eventsOf(stream.text()))));
    await settle();
    const [question] = messagesOf(again.text());
    expect(question?.["method"]).toBe("roots/list");
    const answer = { jsonrpc: "2.0", id: question?.id, result: { roots: [] } };
    expect((await made.ask(post(answer, session))).status).toBe(202);
    expect(await asked.answer).toMatchObject({ ok: true, value: { roots: [] } });
  });
  test("resuming twice: the older connection ends, the newer goes on", async () => {
    const { made, session, got, stream } = await streaming();
    const id = lastId(eventsOf(stream.text()));
    const second = follow(await resume(made, session, id));
    await settle();
    expect(stream.over()).toBe(true);
    await stream.leave();
    finish(got);
    await settle();
    expect([second.over(), messagesOf(second.text()).length]).toEqual([true, 1]);
  });
  test("its answer can be fetched again until its time is over", async () => {
    const { made, session, got, stream } = await streaming(5);
    const id = lastId(eventsOf(stream.text()));
    finish(got);
    for (const wait of [0, limits.eventKeepMs - 5_000]) {
      await made.clock.advance(wait);
      const [answer] = messagesOf(await (await resume(made, session, id)).text());
      expect(answer).toMatchObject({ id: 5, result: {} });
    }
    await made.clock.advance(7_000);
    const [answer] = messagesOf(await (await resume(made, session, id)).text());
    expect([answer?.id, answer?.error?.data?.code]).toEqual([5, "GW_STREAM_LOST"]);
  }, 20_000);
  test("after a restart the client is told that no answer comes", async () => {
    const { session, stream } = await streaming("mine");
    const id = lastId(eventsOf(stream.text()));
    const next = world(silent);
    const fresh = await open(next);
    const [answer] = messagesOf(await (await resume(next, fresh, id)).text());
    expect([answer?.id, answer?.error?.data?.code]).toEqual(["mine", "GW_STREAM_LOST"]);
    expect(session["mcp-session-id"]).not.toBe(fresh["mcp-session-id"]);
  });
});

describe("F14 whose stream it is", () => {
  test("another session of the key gets nothing of it, another key not even that", async () => {
    const { made, got, session, stream } = await streaming();
    const id = lastId(eventsOf(stream.text()));
    finish(got, '{"secret":1}');
    const second = await open(made);
    const text = await (await resume(made, second, id)).text();
    expect(text).not.toContain("secret");
    expect(messagesOf(text)[0]?.error?.data?.code).toBe("GW_STREAM_LOST");
    const bob = { ...session, authorization: "Bearer bob" };
    const foreign = await resume(made, bob, id);
    expect([foreign.status, await codeOf(foreign)]).toEqual([404, "GW_SESSION_UNKNOWN"]);
    const bobs = await open(made, { authorization: "Bearer bob" });
    expect(await (await resume(made, bobs, id)).text()).not.toContain("secret");
  });
  test("the same stream and request of another session is another stream", async () => {
    const made = world(silent);
    const [first, second] = [await streaming(1, made), await streaming(1, made)];
    const id = lastId(eventsOf(first.stream.text()));
    finish(first.got, '{"first":1}');
    finish(second.got, '{"second":1}');
    const text = await (await resume(made, second.session, id)).text();
    expect(messagesOf(text).map(({ error }) => error?.data?.code)).toEqual(["GW_STREAM_LOST"]);
  });
  test("the ids of two streams do not mix", async () => {
    const { made, session, got, stream } = await streaming(1);
    const waiting = made.ask(post(rpc("tools/call", { name: "b" }, 2), session));
    await settle();
    made.got[1]?.reply.notify(progress("other"));
    const other = follow(await waiting);
    await settle();
    finish(got);
    const again = follow(await resume(made, session, lastId(eventsOf(other.text()))));
    finish(made.got[1]!);
    await settle();
    expect(messagesOf(again.text()).map(({ id }) => id)).toEqual([2]);
    // A stream's id with another request's: nobody's.
    const mixed = readEventId(lastId(eventsOf(stream.text())))!;
    const wrong = await resume(made, session, writeEventId({ ...mixed, idText: "2" }));
    expect(await codeOfFirst(wrong)).toBe("GW_STREAM_LOST");
  });
  test("F11 a key that ended resumes nothing", async () => {
    const { made, session, stream } = await streaming();
    made.revoke("alice");
    const answer = await resume(made, session, lastId(eventsOf(stream.text())));
    expect(answer.status).toBe(401);
    await made.clock.advance(1_000);
    expect(made.front.status()).toMatchObject({ inFlight: 0, streams: 0, sessions: 0 });
  });
});

describe("R6 what is kept is bounded", () => {
  test("by count: the oldest is lost, the answer is not", async () => {
    const { made, session, got, stream } = await streaming();
    const [first] = eventsOf(stream.text());
    await stream.leave();
    for (let at = 0; at < limits.eventsPerSession + 10; at++) got.reply.notify(progress(at));
    finish(got);
    const messages = messagesOf(await (await resume(made, session, first!.id!)).text());
    expect(messages.length).toBeLessThanOrEqual(limits.eventsPerSession);
    expect(messages.at(-1)?.id).toBe(1);
  });
  test("by bytes: an answer that fits nowhere is lost, and that is said", async () => {
    const { made, session, got, stream } = await streaming();
    const id = lastId(eventsOf(stream.text()));
    await stream.leave();
    finish(got, JSON.stringify({ text: "x".repeat(limits.eventBytesPerSession) }));
    expect(await codeOfFirst(await resume(made, session, id))).toBe("GW_STREAM_LOST");
  });
  test("by key: sessions of one key do not crowd out another's", async () => {
    const made = world(silent);
    const bobs = await streamingAs("bob", made);
    finish(bobs.got, '{"bob":1}');
    const large = JSON.stringify({ text: "x".repeat(limits.eventBytesPerSession - 10_000) });
    const mine: Streaming[] = [];
    for (let at = 0; at < 8; at++) {
      const one = await streaming(at, made);
      await one.stream.leave();
      finish(one.got, large);
      mine.push(one);
    }
    const kept = await Promise.all(
      mine.map(async ({ session, stream }) => {
        const answer = await resume(made, session, lastId(eventsOf(stream.text())));
        return messagesOf(await answer.text()).some(({ result }) => result !== undefined);
      }),
    );
    const most = Math.floor(limits.eventBytesPerKey / limits.eventBytesPerSession);
    expect(kept.filter(Boolean).length).toBe(most);
    const answer = await resume(made, bobs.session, bobs.id);
    expect(await answer.text()).toContain('"bob":1');
  }, 20_000);
});

test("R7 who resumes again and again and reads nothing is sent away, for a while", async () => {
  const { made, session, got, stream } = await streaming();
  const id = lastId(eventsOf(stream.text()));
  finish(got, JSON.stringify({ text: "x".repeat(3 * 1024 * 1024) }));
  let refused: Response | undefined;
  for (let at = 0; refused === undefined && at < 100; at++) {
    const answer = await resume(made, session, id);
    if (answer.status !== 200) refused = answer;
  }
  expect([refused?.status, refused && (await codeOf(refused))]).toEqual([503, "GW_CLIENT_SLOW"]);
  const others = await streamingAs("bob", made);
  expect((await resume(made, others.session, others.id)).status).toBe(200);
  await made.clock.advance(limits.queuedWindowMs + 1_000);
  expect((await resume(made, session, id)).status).toBe(200);
}, 20_000);

async function streamingAs(key: string, made: World) {
  const session = await open(made, { authorization: `Bearer ${key}` });
  const waiting = made.ask(post(rpc("tools/call", { name: "a" }), session));
  await settle();
  const got = made.got.at(-1)!;
  got.reply.notify(progress(1));
  const stream = follow(await waiting);
  await settle();
  return { session, got, id: lastId(eventsOf(stream.text())) };
}

async function codeOfFirst(response: Response): Promise<string | undefined> {
  return messagesOf(await response.text())[0]?.error?.data?.code;
}

describe("the standing stream", () => {
  const changed = "notifications/tools/list_changed";

  test("has event ids, and goes on with what came meanwhile", async () => {
    const made = world();
    const session = await open(made);
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    await settle();
    const { id } = eventsOf(stream.text())[0]!;
    await stream.leave();
    made.lists.set("alice", "second");
    await made.changed();
    const again = follow(await resume(made, session, id!));
    await settle();
    expect(messagesOf(again.text()).map((message) => message["method"])).toEqual([changed]);
    expect(made.front.status().streams).toBe(1);
  });
  test("after a restart it is a new one: its client does not stay without", async () => {
    const before = world();
    const old = await open(before);
    const first = follow(await before.ask(to("GET", "/mcp", old)));
    await settle();
    const made = world();
    const session = await open(made);
    const again = follow(await resume(made, session, lastId(eventsOf(first.text()))));
    await settle();
    made.lists.set("alice", "second");
    await made.changed();
    expect(again.text()).toContain(changed);
  });
  test.each(["x", "1.2.3", `${"A".repeat(16)}.1`, `${"A".repeat(16)}.1.2.!`, "é".repeat(600)])(
    "%p is no event of ours: 400, and no stream",
    async (id) => {
      const made = world();
      const session = await open(made);
      const request = to("GET", "/mcp", session);
      request.headers.set("last-event-id", encodeURIComponent(id).slice(0, 600));
      const answer = await made.ask(request);
      expect([answer.status, await codeOf(answer)]).toEqual([400, "GW_EVENT_UNKNOWN"]);
      expect(made.front.status().streams).toBe(0);
    },
  );
  test("an empty one is none", async () => {
    const made = world();
    expect((await resume(made, await open(made), "")).status).toBe(200);
  });
});

describe("Last-Event-ID", () => {
  const ids = fc.record<EventId>({
    nonce: fc
      .uint8Array({ minLength: 12, maxLength: 12 })
      .map((bytes) => Buffer.from(bytes).toString("base64url")),
    channel: fc.nat(),
    seq: fc.nat(),
    idText: fc.oneof(
      fc.constant(""),
      fc.maxSafeInteger().map(String),
      fc.string({ maxLength: 40 }).map((text) => JSON.stringify(text)),
    ),
  });
  test("what is written is read", () => {
    fc.assert(fc.property(ids, (id) => expect(readEventId(writeEventId(id))).toEqual(id)));
  });
  test("anything else is none, and one id has one spelling", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), ids.map(writeEventId), mangled), (text) => {
        const read = readEventId(text);
        if (read !== undefined) expect(writeEventId(read)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });
  const mangled = fc
    .tuple(ids.map(writeEventId), fc.nat(80), fc.string({ maxLength: 3 }))
    .map(([id, at, put]) => id.slice(0, at) + put + id.slice(at + 1));
});
