import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createSealer } from "../../src/base/seal.ts";
import { systemRandom } from "../../src/base/system.ts";
import { digestOf, sealSession } from "../../src/front/session-id.ts";
import { settle } from "../kit/scripted.ts";
import {
  codeOf,
  echo,
  follow,
  type Headers_,
  messagesOf,
  open,
  post,
  rpc,
  to,
  type World,
  world,
} from "./kit.ts";
import { type Rows, scriptedStates } from "./scripted.ts";

const call = (id: string | number = 1) => rpc("tools/call", { name: "a__b" }, id);
const setLevel = (level: string) => rpc("logging/setLevel", { level });
const answers = (made: World, session: Headers_) => made.ask(post(call(), session));
const digest = (session: Headers_) => digestOf(session["mcp-session-id"]!);

/** A gateway on a store; the same rows and seal key make it a second one, or the next. */
function gateway(rows: Rows = new Map()) {
  const states = scriptedStates(rows);
  return { rows, states, made: world(echo, { sessionStates: states.ports }) };
}

async function declared(made: World, params: object): Promise<Headers_> {
  const all = { protocolVersion: "2025-06-18", clientInfo: { name: "käse", version: "2" } };
  const answer = await made.ask(post(rpc("initialize", { ...all, capabilities: {}, ...params })));
  return { "mcp-session-id": answer.headers.get("mcp-session-id") ?? "" };
}

describe("a session of before the start, or of another gateway", () => {
  test("is taken up with what its client declared", async () => {
    const first = gateway();
    const capabilities = { elicitation: { form: {} }, experimental: { "a/b": { c: [1] } } };
    const session = await declared(first.made, { capabilities });
    await answers(first.made, session);
    const second = gateway();
    expect((await answers(second.made, session)).status).toBe(200);
    const [before, after] = [first.made.got[0]!.incoming, second.made.got[0]!.incoming];
    expect([after.protocol, after.client]).toEqual([before.protocol, before.client]);
    expect(after.capabilities.text).toBe(JSON.stringify(capabilities));
    expect([after.capabilities.asks, after.session]).toEqual([true, before.session]);
  });
  test("requests that come together ask the store once, later ones not at all", async () => {
    const session = await open(gateway().made);
    const { made, states } = gateway();
    const all = await Promise.all([1, 2, 3].map((id) => made.ask(post(call(id), session))));
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200]);
    await answers(made, session);
    expect([states.reads, made.front.status().sessions]).toEqual([1, 1]);
  });
  test("has its log level and subscriptions from the store, decided anew", async () => {
    const first = gateway();
    const session = await open(first.made);
    await first.made.ask(post(setLevel("error"), session));
    await answers(first.made, session);
    const { watched } = first.made.got[0]!.incoming;
    for (const uri of ["a:1", "a:2", "a:3", "a:4"]) watched!.add(uri);
    watched!.delete("a:1");
    const second = gateway(first.rows);
    second.made.resources.denied.add("alice a:2");
    second.made.resources.refused.add("a:3");
    await answers(second.made, session);
    await settle();
    const { incoming } = second.made.got[0]!;
    expect(incoming.logLevel).toBe("error");
    const now = ["a:1", "a:2", "a:3", "a:4"].map((uri) => incoming.watched!.has(uri));
    expect(now).toEqual([false, false, false, true]);
    expect([...second.made.resources.watched]).toEqual([["a:4", 1]]);
    // What could not be taken up is said.
    const stream = follow(await second.made.ask(to("GET", "/mcp", session)));
    await settle();
    expect(messagesOf(stream.text())[0]).toMatchObject({
      method: "notifications/message",
      params: { level: "warning" },
    });
  });
  test("goes on when the store cannot be read, and its client is told once", async () => {
    const first = gateway();
    const session = await open(first.made);
    await first.made.ask(post(setLevel("error"), session));
    const second = gateway(first.rows);
    second.states.away = true;
    expect((await answers(second.made, session)).status).toBe(200);
    expect(second.made.got[0]!.incoming.logLevel).toBe(undefined);
    const told = async () => {
      const stream = follow(await second.made.ask(to("GET", "/mcp", session)));
      await settle();
      const methods = messagesOf(stream.text()).map((message) => message["method"]);
      return methods.filter((method) => method === "notifications/message").length;
    };
    expect([await told(), await told()]).toEqual([1, 0]);
  });
  test("capabilities that no header takes are in the store, or the session is unknown", async () => {
    const first = gateway();
    const capabilities = { sampling: {}, experimental: { x: "y".repeat(10_000) } };
    const session = await declared(first.made, { capabilities });
    expect(session["mcp-session-id"]!.length).toBeLessThan(300);
    const second = gateway(first.rows);
    await answers(second.made, session);
    expect(second.made.got[0]!.incoming.capabilities.text).toBe(JSON.stringify(capabilities));
    const third = gateway();
    expect((await answers(third.made, session)).status).toBe(404);
  });
  test("a row of another key in the store changes nothing (F14)", async () => {
    const first = gateway();
    const session = await open(first.made);
    const row = { digest: digest(session), keyId: "bob", endsMs: 0, ended: true };
    const { made } = gateway(new Map([[row.digest, { ...row, state: { level: "debug" } }]]));
    expect((await answers(made, session)).status).toBe(200);
    expect(made.got[0]!.incoming.logLevel).toBe(undefined);
  });
  test("R6 a full key gets no more", async () => {
    const session = await open(gateway().made);
    const { made } = gateway();
    for (let at = 0; at < limits.sessionsPerKey; at++) await open(made);
    const answer = await answers(made, session);
    expect([answer.status, await codeOf(answer)]).toEqual([503, "GW_SESSIONS_FULL"]);
  });
});

describe("F14 what is no session of this key is the same 404", () => {
  const sealer = createSealer(new Uint8Array(32), systemRandom);
  const facts = {
    ...{ protocol: "2025-11-25", client: { name: "", version: "" } },
    ...{ capabilities: "{}", issuedMs: 1_700_000_000_000 },
  };
  const id = (of: object, key = "alice", by = sealer) => sealSession(by, key, { ...facts, ...of });
  const cases: [string, () => string][] = [
    ["unknown", () => "A".repeat(120)],
    ["of another key", () => id({}, "bob")],
    ["of another seal key", () => id({}, "alice", createSealer(new Uint8Array(33), systemRandom))],
    ["expired", () => id({ issuedMs: facts.issuedMs - limits.sessionLifeMs })],
    ["of a revision that has none", () => id({ protocol: "2026-07-28" })],
    ["sealed for something else", () => sealer.seal("cursor", "alice", "[1]")],
    ["of a later version", () => sealer.seal("session", "alice", "[2]")],
    ["one bit off", () => `${id({}).slice(0, -4)}AAAA`],
    ["spelt otherwise", () => `${id({})}=`],
    ["endless", () => "A".repeat(limits.sessionIdBytes + 1)],
  ];
  test.each(cases)("%s", async (_, make) => {
    const { made, states } = gateway();
    const session = { "mcp-session-id": make() };
    const requests = [post(call(), session), to("GET", "/mcp", session)];
    for (const request of [...requests, to("DELETE", "/mcp", session)]) {
      const answer = await made.ask(request);
      expect([answer.status, await codeOf(answer)]).toEqual([404, "GW_SESSION_UNKNOWN"]);
    }
    expect([made.got.length, states.reads]).toEqual([0, 0]);
  });
  test("ended: here at once, after a restart, and on another gateway", async () => {
    const first = gateway();
    const session = await open(first.made);
    const second = gateway(first.rows);
    expect((await answers(second.made, session)).status).toBe(200);
    const stream = follow(await second.made.ask(to("GET", "/mcp", session)));
    expect((await first.made.ask(to("DELETE", "/mcp", session))).status).toBe(204);
    expect((await answers(first.made, session)).status).toBe(404);
    await second.states.tell(digest(session));
    expect(stream.over()).toBe(true);
    expect((await answers(second.made, session)).status).toBe(404);
    const third = gateway(first.rows);
    expect((await answers(third.made, session)).status).toBe(404);
    expect((await answers(third.made, session)).status).toBe(404);
    expect(third.states.reads).toBe(1);
  });
  test("F11 a key that ended while the store was asked is refused", async () => {
    const session = await open(gateway().made);
    const { made } = gateway();
    const waiting = answers(made, session);
    made.revoke("alice");
    expect((await waiting).status).toBe(401);
  });
});

describe("two gateways that serve one session", () => {
  test("have the same log level and subscriptions, and lose none of each other", async () => {
    const first = gateway();
    const session = await open(first.made);
    const second = gateway(first.rows);
    await answers(first.made, session);
    await answers(second.made, session);
    const [mine, theirs] = [first, second].map(({ made }) => made.got[0]!.incoming.watched!);
    mine!.add("a:1");
    theirs!.add("a:2");
    await first.made.ask(post(setLevel("alert"), session));
    for (const { states } of [first, second]) await states.tell(digest(session));
    for (const one of [first, second]) {
      await one.made.ask(post(call(2), session));
      const { logLevel, watched } = one.made.got[1]!.incoming;
      expect([logLevel, watched!.has("a:1"), watched!.has("a:2")]).toEqual(["alert", true, true]);
    }
    mine!.delete("a:2");
    await second.states.tell(digest(session));
    expect([theirs!.has("a:2"), theirs!.has("a:1")]).toEqual([false, true]);
  });
});

describe("resources/updated", () => {
  const updated = "notifications/resources/updated";

  async function watching(uri = "a:1") {
    const { made } = gateway();
    const session = await open(made);
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    await answers(made, session);
    made.got[0]!.incoming.watched!.add(uri);
    await made.resources.ports.watch(made.got[0]!.incoming.identity, uri);
    return { made, session, stream };
  }

  test("goes to the newest stream of each session that asked, once", async () => {
    const { made, session, stream } = await watching();
    const newer = follow(await made.ask(to("GET", "/mcp", session)));
    const other = follow(await made.ask(to("GET", "/mcp", await open(made))));
    await settle();
    await made.resources.updated("a:1", { uri: "a:1", _meta: { "x/y": 1 } });
    await made.resources.updated("a:2");
    expect(messagesOf(newer.text())).toEqual([
      { jsonrpc: "2.0", method: updated, params: { uri: "a:1", _meta: { "x/y": 1 } } },
    ]);
    expect([stream.text(), other.text()].map((text) => text.includes(updated))).toEqual([
      false,
      false,
    ]);
  });
  test("is told when its client comes back to the stream", async () => {
    const { made, session, stream } = await watching();
    await settle();
    const id = stream.text().split("id: ")[1]!.split("\n")[0]!;
    await stream.leave();
    await made.resources.updated("a:1");
    const again = follow(await made.ask(to("GET", "/mcp", { ...session, "last-event-id": id })));
    await settle();
    expect(messagesOf(again.text()).map((message) => message["method"])).toEqual([updated]);
  });
  test("is not told to who may not read it any more", async () => {
    const { made, stream } = await watching();
    made.resources.denied.add("alice a:1");
    await made.resources.updated("a:1");
    expect(stream.text()).not.toContain(updated);
  });
  test.each<[string, (of: { made: World; session: Headers_ }) => unknown]>([
    ["its client ends the session", ({ made, session }) => made.ask(to("DELETE", "/mcp", session))],
    ["its key ends", ({ made }) => made.revoke("alice")],
    ["its time is over", ({ made }) => made.clock.advance(limits.sessionLifeMs + 2_000)],
  ])(
    "the server is not asked any more when %s",
    async (_, end) => {
      const { made, session } = await watching();
      expect([...made.resources.watched]).toEqual([["a:1", 1]]);
      await end({ made, session });
      expect([...made.resources.watched]).toEqual([]);
    },
    20_000,
  );
});

test("a list that may have changed before the session was taken up is told of once", async () => {
  const session = await open(gateway().made);
  const { made } = gateway();
  const told = async () => {
    const stream = follow(await made.ask(to("GET", "/mcp", session)));
    await settle();
    return messagesOf(stream.text()).map((message) => message["method"]);
  };
  expect(await told()).toEqual(["notifications/tools/list_changed"]);
  expect(await told()).toEqual([]);
  // One that asked for the list by then knows it.
  const other = gateway().made;
  const asked = await open(gateway().made);
  await other.ask(post(rpc("tools/list"), asked));
  const stream = follow(await other.ask(to("GET", "/mcp", asked)));
  await settle();
  expect(messagesOf(stream.text())).toEqual([]);
});
