import { describe, expect, test } from "bun:test";
import type { Identity } from "../../../src/access/access.ts";
import type { JsonObject } from "../../../src/base/json.ts";
import { handle } from "../../../src/call/methods.ts";
import {
  type ScriptedUpstream,
  scriptedUpstream,
  settle,
  someone,
  world,
} from "../../kit/scripted.ts";
import { catchReply, incoming } from "../../kit/scripted-client.ts";
import { again, all, asked, cell, done, everything, form, textOf } from "./kit.ts";

const other: Identity = { ...someone, keyId: "k2", keyName: "other" };
const denied = `${all}  - {id: no, effect: deny, methods: [elicitation/create]}\n`;
const accept = { action: "accept", content: { n: 1 } };

describe("modern client, modern server", () => {
  const asks = (requests: string, state?: string) => {
    const its = state === undefined ? "" : `,"requestState":${state}`;
    return `{"resultType":"input_required","inputRequests":${requests}${its},"x":1.0}`;
  };
  const one = `{"k \\u0041":{"method":"elicitation/create","params":${form}}}`;

  test("without a state the server's bytes pass, and so does the retry", async () => {
    const at = await cell("modern", "modern");
    const made = await at.call();
    at.last().result(asks(one));
    await settle();
    expect(made.reply.answer()?.text).toContain(asks(one));
    await at.call({ params: '"inputResponses":{"k A":{"action" : "accept"}}' });
    expect(at.last().params).toContain('"inputResponses":{"k A":{"action" : "accept"}}');
    expect(at.last().params).not.toContain("requestState");
  });

  test("the server's state goes round sealed; each round is a call of its own", async () => {
    const at = await cell("modern", "modern");
    const made = await at.call();
    at.last().result(asks(one, '"its\\u0041state"'));
    await settle();
    const { state, keys } = asked(made);
    expect(keys).toEqual(["k A"]);
    expect(made.reply.answer()?.text).not.toContain("its");
    const params = again(state, { "k A": accept });
    for (let n = 0; n < 2; n++) {
      await at.call({ params, args: n === 0 ? '{"a":1.0}' : '{"a":2}' });
      expect(at.last().params).toContain('"requestState":"its\\u0041state"');
      expect(at.last().params).toContain('"inputResponses":{"k A":{"action":"accept"');
      at.last().result(done);
      await settle();
    }
    expect(at.kinds()).toEqual(Array.from({ length: 3 }, () => ["intent", "outcome"]).flat());
    expect(at.outcomes()[0]?.asked).toMatchObject([{ end: "passed" }]);
  });

  test("F16 F23 a state of another key, method or name, tampered or too old: refused", async () => {
    const at = await cell("modern", "modern");
    const made = await at.call();
    at.last().result(asks(one, '"s"'));
    await settle();
    const { state } = asked(made);
    const params = again(state, { "k A": accept });
    const cases = [
      { params, identity: other },
      { params, name: "s__other" },
      { params, method: "prompts/get" },
      { params: again("s", {}) },
      { params: again(`A${state}`, {}) },
    ];
    for (const more of cases) {
      const refused = await at.call(more);
      expect(refused.error()).toMatchObject({ code: -32602, data: { code: "GW_REQUEST_STATE" } });
    }
    await at.at.clock.advance(3_600_001);
    const late = await at.call({ params });
    expect(late.error()).toMatchObject({ data: { code: "GW_REQUEST_STATE" } });
    expect(at.server.sent).toHaveLength(1);
  });

  test("F23 a state is its server's, whoever has the name by now", async () => {
    const tools = [{ name: "do", inputSchema: { type: "object" } }];
    const servers = ["s", "t"].map((id) => scriptedUpstream(id, tools, { era: "modern" }));
    const at = await world(servers, { policy: all, naming: "bare" });
    const call = async (params: string) => {
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"do"${params}}}`;
      const reply = catchReply();
      handle(incoming(body, { era: "modern", capabilities: everything }), reply, at.ports);
      for (let tries = 0; tries < 20 && reply.answer() === undefined; tries++) await settle();
      return reply.answer()?.value as { result: JsonObject; error: JsonObject };
    };
    const [s, t] = servers as [ScriptedUpstream, ScriptedUpstream];
    s.script = (request) => request.result(asks(one, '"secret of s"'));
    const state = JSON.stringify((await call("")).result["requestState"]);
    s.setTools([{ name: "else", inputSchema: { type: "object" } }]);
    await settle();
    const moved = await call(`,"requestState":${state},"inputResponses":{}`);
    expect(moved.error).toMatchObject({ code: -32602, data: { code: "GW_REQUEST_STATE" } });
    expect(t.sent).toEqual([]);
    expect((await call("")).result).toBeDefined();
    expect(t.sent).toHaveLength(1);
  });

  test("F24 a retry is decided anew", async () => {
    const at = await cell("modern", "modern");
    const made = await at.call();
    at.last().result(asks(one, '"s"'));
    await settle();
    at.at.setPolicy('id: t\ndeny: ["s/do"]\n');
    const refused = await at.call({ params: again(asked(made).state, { "k A": accept }) });
    expect(textOf(refused)).toContain("GW_DENIED");
    expect(at.server.sent).toHaveLength(1);
  });

  test("a denied question is answered for the user at once, in the same call", async () => {
    const at = await cell("modern", "modern", { policy: denied });
    const made = await at.call();
    at.last().result(asks(one, '"s"'));
    await settle();
    expect(made.reply.answer()).toBeUndefined();
    expect(at.last().params).toContain(
      '"inputResponses":{"k A":{"action":"decline"}},"requestState":"s"',
    );
    at.last().result(done);
    await settle();
    expect(at.kinds()).toEqual(["intent", "outcome"]);
    expect(at.outcomes()[0]?.asked).toMatchObject([{ end: "denied" }]);
  });

  test("of two questions one is denied: the other is asked, and both answers go together", async () => {
    for (const its of [undefined, '"s"']) {
      const at = await cell("modern", "modern", { policy: denied });
      const made = await at.call();
      const two = `{"r":{"method":"roots/list","params":{}},${one.slice(1)}`;
      at.last().result(asks(two, its));
      await settle();
      const { state, keys } = asked(made);
      expect(keys).toEqual(["r"]);
      await at.call({ params: again(state, { r: { roots: [] }, "k A": accept }) });
      const state2 = its === undefined ? "" : ',"requestState":"s"';
      expect(at.last().params).toContain(
        `"inputResponses":{"r":{"roots":[]},"k A":{"action":"decline"}}${state2}`,
      );
    }
  });

  const odd = [
    ["with the key __proto__", `{"__proto__":{"method":"elicitation/create","params":${form}}}`],
    ["beside another one", `${one},"inputRequests":{"r":{"method":"roots/list"}}`],
    ["with two methods", `{"r":{"method":"elicitation/create","method":"roots/list"}}`],
  ] as const;
  for (const [name, requests] of odd) {
    test(`F24 P1 a denied question ${name} reaches nobody`, async () => {
      for (const state of [undefined, '"s"']) {
        const at = await cell("modern", "modern", { policy: denied });
        const made = await at.call();
        at.last().result(asks(requests, state));
        await settle();
        expect(textOf(made)).toContain("GW_UPSTREAM_ERROR");
        expect(made.reply.answer()?.text).not.toContain("elicitation/create");
        expect(at.outcomes()).toMatchObject([{ outcome: "unknown", code: "GW_UPSTREAM_ERROR" }]);
      }
    });
  }

  test("a question that the client did not declare: -32021, HTTP 400", async () => {
    const at = await cell("modern", "modern");
    const made = await at.call({ capabilities: {} });
    at.last().result(asks('{"s":{"method":"sampling/createMessage"}}'));
    await settle();
    expect(made.reply.answer()?.status).toBe(400);
    expect(made.error()).toMatchObject({
      code: -32021,
      data: { requiredCapabilities: { sampling: {} } },
    });
  });

  test("-32021 of the server passes with its status and data", async () => {
    const at = await cell("modern", "modern");
    const made = await at.call();
    const error = '{"code":-32021,"message":"m","data":{"requiredCapabilities":{"sampling":{}}}}';
    at.last().error(error);
    await settle();
    expect(made.reply.answer()).toMatchObject({ status: 400 });
    expect(made.reply.answer()?.text).toContain(error);
  });

  test("1.7 completion cannot ask for input", async () => {
    const at = await cell("modern", "modern");
    const ref = '"ref":{"type":"ref/prompt","name":"s__do"},"argument":{"name":"x","value":""}';
    const made = await at.call({ method: "completion/complete", params: ref });
    at.last().result(asks(one));
    await settle();
    expect(made.error()).toMatchObject({ data: { code: "GW_UPSTREAM_ERROR" } });
  });
});
