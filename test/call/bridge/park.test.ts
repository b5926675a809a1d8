import { describe, expect, test } from "bun:test";
import type { Identity } from "../../../src/access/access.ts";
import { fault } from "../../../src/base/errors.ts";
import { settle, someone } from "../../kit/scripted.ts";
import { again, all, asked, cell, done, form, textOf, url } from "./kit.ts";

const other: Identity = { ...someone, keyId: "k2", keyName: "other" };
const denied = `${all}  - {id: no, effect: deny, methods: [elicitation/create]}\n`;
const accept = { action: "accept", content: { n: 1 } };

describe("modern client, legacy server: parks", () => {
  async function parked(timeout = { idleMs: 1000, maxMs: 3_600_000 }) {
    const at = await cell("modern", "legacy", { timeout });
    const made = await at.call();
    const asking = at.last().ask("elicitation/create", form);
    await settle();
    return { at, made, asking, ...asked(made) };
  }

  test("the client is asked by the answer, its next request goes on with the same call", async () => {
    const { at, made, asking, state, requests } = await parked();
    expect(requests).toEqual({ q1: { method: "elicitation/create", params: JSON.parse(form) } });
    expect(made.reply.answer()?.status).toBe(200);
    expect(Buffer.from(state, "base64url").toString("latin1")).not.toContain('"do"');
    const [live] = at.at.ports.board.inFlight;
    expect([live?.stage, at.at.ports.board.inFlight.size]).toEqual(["client", 1]);
    const next = await at.call({ params: again(state, { q1: accept, unknown: {} }) });
    expect(asking.answers).toEqual(['{"action":"accept","content":{"n":1}}']);
    expect(at.server.sent).toHaveLength(1);
    expect(live?.stage).toBe("server");
    at.last().result(done);
    await settle();
    expect(next.result()).toMatchObject({ n: 1, resultType: "complete" });
    expect(at.kinds()).toEqual(["intent", "outcome"]);
    expect(at.outcomes()[0]).toMatchObject({
      outcome: "ok",
      asked: [{ method: "elicitation/create", end: "accept" }],
    });
    expect([at.at.ports.parks.size, at.at.ports.board.inFlight.size]).toEqual([0, 0]);
  });

  test("an elicitationId stays behind, a resultType in front", async () => {
    const at = await cell("modern", "legacy");
    const made = await at.call();
    const asking = at.last().ask("elicitation/create", url);
    await settle();
    const { state, requests } = asked(made);
    const { elicitationId: _id, ...params } = JSON.parse(url);
    expect(requests).toEqual({ q1: { method: "elicitation/create", params } });
    const q1 = { action: "accept", resultType: "complete" };
    await at.call({ params: again(state, { q1 }) });
    expect(asking.answers).toEqual(['{"action":"accept"}']);
  });

  test("questions that come at once are asked at once, later ones in the next round", async () => {
    const at = await cell("modern", "legacy");
    const made = await at.call();
    const one = at.last().ask("roots/list", "{}");
    const two = at.last().ask("elicitation/create", form);
    await settle();
    const first = asked(made);
    expect(first.keys).toEqual(["q1", "q2"]);
    const three = at.last().ask("sampling/createMessage", "{}");
    const next = await at.call({ params: again(first.state, { q1: { roots: [] } }) });
    const second = asked(next);
    expect(second.keys).toEqual(["q2", "q3"]);
    expect(second.state).not.toBe(first.state);
    const q3 = { role: "assistant" };
    const last = await at.call({ params: again(second.state, { q2: accept, q3 }) });
    expect([one, two, three].map(({ answers }) => answers.length)).toEqual([1, 1, 1]);
    at.last().result(done);
    await settle();
    expect(last.result()).toMatchObject({ n: 1 });
    expect(at.kinds()).toEqual(["intent", "outcome"]);
  });

  test("a server that asks for ever gets errors after 8 rounds; its call goes on", async () => {
    const at = await cell("modern", "legacy");
    let made = await at.call();
    for (let round = 0; round < 8; round++) {
      at.last().ask("roots/list", "{}");
      await settle();
      const { state, keys } = asked(made);
      made = await at.call({ params: again(state, { [String(keys[0])]: { roots: [] } }) });
    }
    const { answers } = at.last().ask("roots/list", "{}");
    await settle();
    expect(answers[0]).toStartWith("-32603");
    at.last().result(done);
    await settle();
    expect(made.result()).toMatchObject({ n: 1 });
  });

  test("the server ends while nobody waits: the next request gets it", async () => {
    const { at, state } = await parked();
    at.last().result(done);
    await settle();
    expect(at.outcomes()).toEqual([]);
    const next = await at.call({ params: again(state, { q1: accept }) });
    expect(next.result()).toMatchObject({ n: 1 });
    expect(at.kinds()).toEqual(["intent", "outcome"]);
  });

  test("… and when nobody comes, the receipt says how the server ended", async () => {
    const { at } = await parked();
    at.last().result(done);
    await at.at.clock.advance(601_000);
    expect(at.outcomes()).toMatchObject([{ outcome: "ok" }]);
    expect(at.server.cancelled).toEqual([]);
  });

  test("nobody comes back: expired, and the server is told", async () => {
    const { at, asking, state } = await parked();
    await at.at.clock.advance(599_000);
    expect(at.outcomes()).toEqual([]);
    await at.at.clock.advance(2_000);
    expect(at.outcomes()).toMatchObject([{ outcome: "expired", code: "GW_ANSWER_LATE" }]);
    expect(asking.answers[0]).toStartWith("-32603");
    expect(at.server.cancelled).toHaveLength(1);
    expect(at.at.ports.parks.size).toBe(0);
    const late = await at.call({ params: again(state, { q1: accept }) });
    expect(late.error()).toMatchObject({ code: -32602, data: { code: "GW_REQUEST_STATE" } });
    expect(at.server.sent).toHaveLength(1);
  });

  test("an operator ends a parked call", async () => {
    const { at, state } = await parked();
    const [live] = at.at.ports.board.inFlight;
    if (live !== undefined) live.ended = fault("GW_ENDED_BY_OPERATOR", { message: "enough" });
    live?.atServer?.takeBack("an operator ended the call");
    await settle();
    expect(at.outcomes()).toMatchObject([{ outcome: "cancelled" }]);
    expect(at.server.cancelled).toHaveLength(1);
    const late = await at.call({ params: again(state, { q1: accept }) });
    expect(late.error()).toMatchObject({ data: { code: "GW_REQUEST_STATE" } });
  });

  test("F24 P28 a call that is denied by now does not go on; one whose tool is gone does", async () => {
    const { at, asking, state } = await parked();
    at.at.setPolicy('id: t\nallow: ["*/*"]\ndeny: ["s/do"]\n');
    const refused = await at.call({ params: again(state, { q1: accept }) });
    expect(textOf(refused)).toContain("GW_DENIED");
    expect(asking.answers[0]).toStartWith("-32603");
    expect(at.kinds()).toEqual(["intent", "outcome", "refusal"]);
    expect(at.outcomes()).toMatchObject([{ outcome: "cancelled" }]);
    const gone = await parked();
    gone.at.server.setTools([{ name: "else", inputSchema: { type: "object" } }]);
    await settle();
    await gone.at.call({ params: again(gone.state, { q1: accept }) });
    expect(gone.asking.answers).toEqual([JSON.stringify(accept)]);
  });

  test("F11 with its key a parked call ends, another key's does not", async () => {
    const { at, asking } = await parked();
    await at.call({ identity: other });
    at.last().ask("roots/list", "{}");
    await settle();
    at.at.ports.parks.cancelOf([someone.keyId], "GW_KEY_REVOKED");
    await settle();
    expect(at.outcomes()).toMatchObject([{ outcome: "cancelled" }]);
    expect(asking.answers[0]).toStartWith("-32603");
    expect(at.server.cancelled).toEqual(["GW_KEY_REVOKED"]);
    expect(at.at.ports.parks.size).toBe(1);
  });

  test("the client leaves the request with which it came back: the call is cancelled", async () => {
    const { at, state } = await parked();
    const next = await at.call({ params: again(state, { q1: accept }) });
    next.handling.cancel("the client closed the response");
    await settle();
    expect(at.server.cancelled).toEqual(["the client closed the response"]);
    expect(at.outcomes()).toMatchObject([{ outcome: "cancelled" }]);
    expect(next.reply.answer()).toBeUndefined();
  });

  test("progress goes to the request that waits, under its own token", async () => {
    const { at, state } = await parked();
    at.last().notify("notifications/progress", '{"progress":1}');
    const meta = `"_meta":{"progressToken":"second"},${again(state, { q1: accept })}`;
    const next = await at.call({ params: meta });
    at.last().notify("notifications/progress", '{"progress":2}');
    expect(next.reply.notes).toMatchObject([{ params: { progressToken: "second", progress: 2 } }]);
  });

  test("the server takes all back before the client could be asked: nothing was", async () => {
    const at = await cell("modern", "legacy");
    const made = await at.call();
    at.last().ask("elicitation/create", form).takeBack("no need");
    await settle();
    expect(made.reply.answer()).toBeUndefined();
    at.last().result(done);
    await settle();
    expect(at.outcomes()[0]?.asked).toMatchObject([{ end: "taken_back" }]);
  });

  test("F14 F16 F23 a state of another key, method, name or arguments, or used: refused", async () => {
    const { at, asking, state } = await parked();
    const params = again(state, { q1: accept });
    const cases = [
      { params, identity: other },
      { params, name: "s__other" },
      { params, method: "prompts/get" },
      { params, args: '{"a":2.0}' },
      { params: again(`${state.slice(0, -2)}AA`, { q1: accept }) },
      { params: again("", {}) },
      { params: '"requestState":5' },
    ];
    for (const more of cases) {
      const made = await at.call(more);
      expect(made.error()).toMatchObject({ code: -32602, data: { code: "GW_REQUEST_STATE" } });
      const refusal = at.at.records.at(-1);
      expect(refusal).toMatchObject({
        kind: "refusal",
        fields: { effect: "deny", code: "GW_REQUEST_STATE", outcome: "denied" },
      });
      const { receipt } = made.error()["data"] as { receipt: string };
      expect(receipt).toBe(`r-test-${refusal?.seq}`);
    }
    const texts = new Set<string>();
    for (const more of cases.slice(0, 4)) {
      const made = await at.call(more);
      texts.add(String(made.error()["message"]));
    }
    expect(texts.size).toBe(1);
    expect(asking.answers).toEqual([]);
    expect(at.server.sent).toHaveLength(1);
    // Its own client is not disturbed by any of that, and comes once.
    const own = await at.call({ params });
    const twice = await at.call({ params });
    expect(twice.error()).toMatchObject({ data: { code: "GW_REQUEST_STATE" } });
    at.last().result(done);
    await settle();
    expect(own.result()).toMatchObject({ n: 1 });
    expect(asking.answers).toHaveLength(1);
    expect(at.server.sent).toHaveLength(1);
  });

  test("answers that are none are refused, and the call still waits", async () => {
    const { at, state } = await parked();
    const bad = await at.call({
      params: `"inputResponses":{"q1":5},"requestState":${JSON.stringify(state)}`,
    });
    expect(bad.error()).toMatchObject({ code: -32602 });
    await at.call({ params: again(state, { q1: accept }) });
    at.last().result(done);
    await settle();
    expect(at.outcomes()).toMatchObject([{ outcome: "ok" }]);
  });

  test("R6 a key parks as many calls as it may; the server of one more gets an error", async () => {
    const at = await cell("modern", "legacy", { timeout: { idleMs: 1000, maxMs: 3_600_000 } });
    for (let n = 0; n < 64; n++) {
      await at.call();
      at.last().ask("roots/list", "{}");
    }
    await settle();
    await at.call();
    const { answers } = at.last().ask("roots/list", "{}");
    await settle();
    expect(answers[0]).toStartWith("-32603");
    const his = await at.call({ identity: other });
    at.last().ask("roots/list", "{}");
    await settle();
    expect(asked(his).keys).toEqual(["q1"]);
    at.at.ports.parks.expireAll("the gateway is stopping");
    await settle();
    expect(at.at.ports.parks.size).toBe(0);
    expect(new Set(at.outcomes().map(({ outcome }) => outcome))).toEqual(new Set(["expired"]));
  });

  test("a deny that names the method, a capability that is not declared: nobody is asked", async () => {
    const at = await cell("modern", "legacy", { policy: denied });
    const made = await at.call({ capabilities: { elicitation: {} } });
    const one = at.last().ask("elicitation/create", form);
    const two = at.last().ask("sampling/createMessage", "{}");
    await settle();
    expect(one.answers).toEqual(['{"action":"decline"}']);
    expect(two.answers[0]).toStartWith("-32601");
    expect(made.reply.answer()).toBeUndefined();
  });
});

describe("modern client, legacy server: -32042", () => {
  const error = `{"code":-32042,"message":"m","data":{"elicitations":[${url}]}}`;

  async function wanted() {
    const at = await cell("modern", "legacy");
    const made = await at.call();
    at.last().error(error);
    await settle();
    return { at, ...asked(made) };
  }

  test("the client is asked to visit the URL, and its retry makes the call again", async () => {
    const { at, state, requests } = await wanted();
    const params = { mode: "url", url: "https://a.example/", message: "Go" };
    expect(requests).toEqual({ u1: { method: "elicitation/create", params } });
    const next = await at.call({ params: again(state, { u1: { action: "accept" } }) });
    expect(at.server.sent).toHaveLength(2);
    expect(at.last().params).toBe('{"name":"do","arguments":{"a":1.0}}');
    at.last().result(done);
    await settle();
    expect(next.result()).toMatchObject({ n: 1 });
    expect(at.kinds()).toEqual(["intent", "outcome", "intent", "outcome"]);
    expect(at.outcomes().map(({ outcome }) => outcome)).toEqual(["ok", "ok"]);
    expect(at.outcomes()[0]?.asked).toMatchObject([{ end: "passed" }]);
  });

  test("a user who declines: the server is not bothered", async () => {
    const { at, state } = await wanted();
    const next = await at.call({ params: again(state, { u1: { action: "decline" } }) });
    expect(textOf(next)).toContain("GW_DECLINED");
    expect(at.server.sent).toHaveLength(1);
    expect(at.outcomes()[1]).toMatchObject({ outcome: "cancelled", code: "GW_DECLINED" });
  });

  test("F23 the retry is of this call and key, and in time", async () => {
    const { at, state } = await wanted();
    const params = again(state, { u1: { action: "accept" } });
    const cases = [
      { params, identity: other },
      { params, args: "{}" },
      { params, name: "s__other" },
    ];
    for (const more of cases) {
      const made = await at.call(more);
      expect(made.error()).toMatchObject({ data: { code: "GW_REQUEST_STATE" } });
    }
    await at.at.clock.advance(600_001);
    const late = await at.call({ params });
    expect(late.error()).toMatchObject({ data: { code: "GW_REQUEST_STATE" } });
    expect(at.server.sent).toHaveLength(1);
  });

  test("a client that cannot open URLs: -32021, HTTP 400, and what it would need", async () => {
    const at = await cell("modern", "legacy");
    const made = await at.call({ capabilities: { elicitation: {} } });
    at.last().error(error);
    await settle();
    expect(made.reply.answer()?.status).toBe(400);
    expect(made.error()).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { elicitation: { url: {} } } },
    });
  });

  test("an entry list that is none", async () => {
    const at = await cell("modern", "legacy");
    const made = await at.call();
    at.last().error('{"code":-32042,"message":"m"}');
    await settle();
    expect(textOf(made)).toContain("GW_UPSTREAM_ERROR");
  });
});
