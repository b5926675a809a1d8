import { describe, expect, test } from "bun:test";
import { settle } from "../../kit/scripted.ts";
import { all, cell, done, form, textOf, url } from "./kit.ts";

const denied = `${all}  - {id: no, effect: deny, methods: [elicitation/create, sampling/createMessage]}\n`;

describe("legacy client, legacy server", () => {
  test("a question and its answer pass byte for byte, in one receipt", async () => {
    const at = await cell("legacy", "legacy");
    const made = await at.call();
    const asking = at.last().ask("elicitation/create", '{"message":"\\u0041", "n":1.0}');
    const [question] = made.reply.questions;
    expect(question?.params).toBe('{"message":"\\u0041", "n":1.0}');
    const [live] = at.at.ports.board.inFlight;
    expect(live?.stage).toBe("client");
    await question?.answer('{"action":"accept", "content":{"n":1.0}}');
    expect(live?.stage).toBe("server");
    expect(asking.answers).toEqual(['{"action":"accept", "content":{"n":1.0}}']);
    at.last().result(done);
    await settle();
    expect(made.reply.answer()?.text).toContain(done);
    expect(at.kinds()).toEqual(["intent", "outcome"]);
    expect(at.outcomes()[0]).toMatchObject({
      outcome: "ok",
      asked: [{ method: "elicitation/create", end: "accept" }],
    });
  });

  test("an error of the client is the server's to judge", async () => {
    const at = await cell("legacy", "legacy");
    const made = await at.call();
    const asking = at.last().ask("sampling/createMessage", '{"messages":[]}');
    await made.reply.questions[0]?.refuse(-1, "no");
    expect(asking.answers).toEqual(["-1 no"]);
    at.last().result(done);
    await settle();
    expect(at.outcomes()[0]?.asked?.[0]?.end).toBe("error");
  });

  const cases = [
    ["undeclared", { capabilities: {} }, "roots/list", "-32601", "undeclared"],
    [
      "a form, declared URLs only",
      { capabilities: { elicitation: { url: {} } } },
      "elicitation/create",
      "-32601",
      "undeclared",
    ],
    ["a method that is no question", {}, "tasks/get", "-32601", "undeclared"],
    ["a client that takes no stream", { asks: false }, "roots/list", "-32603", "unasked"],
  ] as const;
  for (const [name, more, method, code, end] of cases) {
    test(`F25 nobody is asked: ${name}`, async () => {
      const at = await cell("legacy", "legacy");
      const made = await at.call(more);
      const { answers } = at.last().ask(method, "{}");
      await settle();
      expect(answers).toHaveLength(1);
      expect(answers[0]?.startsWith(code)).toBe(true);
      expect(made.reply.questions).toEqual([]);
      at.last().result(done);
      await settle();
      expect(at.outcomes()[0]).toMatchObject({ outcome: "ok", asked: [{ method, end }] });
    });
  }

  test("a deny that names the method answers for the user", async () => {
    const at = await cell("legacy", "legacy", { policy: denied });
    const made = await at.call();
    const one = at.last().ask("elicitation/create", form);
    const two = at.last().ask("sampling/createMessage", "{}");
    const three = at.last().ask("roots/list", "{}");
    expect(one.answers).toEqual(['{"action":"decline"}']);
    expect(two.answers[0]).toStartWith("-1 ");
    expect(made.reply.questions.map(({ method }) => method)).toEqual(["roots/list"]);
    await made.reply.questions[0]?.answer('{"roots":[]}');
    expect(three.answers).toEqual(['{"roots":[]}']);
    at.last().result(done);
    await settle();
    const ends = at.outcomes()[0]?.asked?.map((one) => one.end);
    expect(ends).toEqual(["denied", "denied", "answered"]);
  });

  test("the server takes its question back: so is the client's", async () => {
    const at = await cell("legacy", "legacy");
    const made = await at.call();
    const asking = at.last().ask("elicitation/create", form);
    asking.takeBack("too slow");
    await settle();
    expect(made.reply.questions[0]?.takenBack).toBe("too slow");
    at.last().result(done);
    await settle();
    expect(at.outcomes()[0]?.asked?.[0]?.end).toBe("taken_back");
  });

  test("idle does not run while the client is asked, but its own time does, and max", async () => {
    const at = await cell("legacy", "legacy", { timeout: { idleMs: 1000, maxMs: 3_600_000 } });
    const made = await at.call();
    at.last().ask("elicitation/create", form);
    await at.at.clock.advance(9 * 60_000);
    at.last().notify("notifications/progress", "{}");
    await at.at.clock.advance(50_000);
    expect(made.reply.answer()).toBeUndefined();
    await at.at.clock.advance(11_000);
    expect(textOf(made)).toContain("GW_ANSWER_LATE");
    expect(at.server.cancelled).toHaveLength(1);
    expect(made.reply.questions[0]?.takenBack).toBeDefined();
    expect(at.outcomes()).toMatchObject([{ outcome: "expired", code: "GW_ANSWER_LATE" }]);
    expect(at.outcomes()[0]?.asked?.[0]?.end).toBe("unanswered");
  });

  test("max ends a call whose client is asked", async () => {
    const at = await cell("legacy", "legacy", { timeout: { idleMs: 1000, maxMs: 5000 } });
    const made = await at.call();
    at.last().ask("elicitation/create", form);
    await at.at.clock.advance(5100);
    expect(textOf(made)).toContain("GW_TIMEOUT_MAX");
    expect(at.outcomes()[0]).toMatchObject({ outcome: "timeout" });
  });

  test("after the answer idle runs again; what the client took is not the server's", async () => {
    const at = await cell("legacy", "legacy", { timeout: { idleMs: 1000, maxMs: 900_000 } });
    const made = await at.call();
    at.last().ask("elicitation/create", form);
    await at.at.clock.advance(60_000);
    await made.reply.questions[0]?.answer('{"action":"accept"}');
    await at.at.clock.advance(1100);
    expect(textOf(made)).toContain("GW_TIMEOUT_IDLE");
    expect(at.outcomes()[0]?.serverMs).toBeLessThan(2000);
  });

  test("the client takes the call back while it is asked", async () => {
    const at = await cell("legacy", "legacy");
    const made = await at.call();
    at.last().ask("elicitation/create", form);
    made.handling.cancel("left");
    await settle();
    expect(at.server.cancelled).toEqual(["left"]);
    expect(made.reply.questions[0]?.takenBack).toBeDefined();
    expect(at.outcomes()).toMatchObject([{ outcome: "cancelled" }]);
  });

  test("the client's stream is lost: the server gets an error and ends as it likes", async () => {
    const at = await cell("legacy", "legacy");
    const made = await at.call();
    const asking = at.last().ask("elicitation/create", form);
    await made.reply.questions[0]?.lose();
    expect(asking.answers[0]).toStartWith("-32603");
    at.last().result(done);
    await settle();
    expect(at.outcomes()[0]).toMatchObject({ outcome: "ok" });
  });

  test("a question after the end gets an error", async () => {
    const at = await cell("legacy", "legacy");
    await at.call();
    at.last().result(done);
    await settle();
    expect(at.last().ask("roots/list", "{}").answers[0]).toStartWith("-32603");
  });
});

describe("legacy client, modern server", () => {
  const asks = (requests: string, state?: string) => {
    const its = state === undefined ? "" : `,"requestState":${state}`;
    return `{"resultType":"input_required","inputRequests":${requests}${its}}`;
  };

  test("input requests become questions, the answers go with the same request: one receipt", async () => {
    const at = await cell("legacy", "modern");
    const made = await at.call();
    const two = `{"a \\u0041":{"method":"elicitation/create","params":${form}},"r":{"method":"roots/list"}}`;
    at.last().result(asks(two, '"s\\u0041 "'));
    await settle();
    expect(made.reply.questions.map(({ method, params }) => [method, params])).toEqual([
      ["elicitation/create", form],
      ["roots/list", "{}"],
    ]);
    await made.reply.questions[1]?.answer('{"roots":[1.0]}');
    expect(at.server.sent).toHaveLength(1);
    await made.reply.questions[0]?.answer('{"action":"accept","content":{"n":1.0}}');
    expect(at.server.sent).toHaveLength(2);
    expect(at.last().id).not.toBe(at.server.sent[0]?.id);
    expect(at.last().params).toContain('"arguments":{"a":1.0}');
    expect(at.last().params).toContain(
      '"inputResponses":{"a A":{"action":"accept","content":{"n":1.0}},"r":{"roots":[1.0]}},"requestState":"s\\u0041 "',
    );
    at.last().result(`{"resultType":"complete",${done.slice(1)}`);
    await settle();
    expect(made.reply.answer()?.text).toContain(done);
    expect(at.kinds()).toEqual(["intent", "outcome"]);
    const ends = at.outcomes()[0]?.asked?.map(({ method, end }) => `${method} ${end}`);
    expect(ends).toEqual(["elicitation/create accept", "roots/list answered"]);
  });

  test("without a requestState none is sent; only a state asks for another round", async () => {
    const at = await cell("legacy", "modern");
    await at.call();
    at.last().result('{"resultType":"input_required","requestState":"x"}');
    await settle();
    expect(at.last().params).toContain('"requestState":"x"');
    expect(at.last().params).not.toContain("inputResponses");
    at.last().result(asks('{"r":{"method":"roots/list"}}'));
    await settle();
    expect(at.server.sent).toHaveLength(2);
  });

  test("a server that asks for ever is stopped after 8 rounds", async () => {
    const at = await cell("legacy", "modern");
    const made = await at.call();
    for (let round = 0; round < 9; round++) {
      at.last().result(asks('{"r":{"method":"roots/list"}}'));
      await settle();
      await made.reply.questions[round]?.answer('{"roots":[]}');
    }
    expect(at.server.sent).toHaveLength(9);
    expect(textOf(made)).toContain("GW_ASKED_TOO_MUCH");
    expect(at.outcomes()[0]).toMatchObject({ outcome: "limited" });
  });

  test("a URL question gets an id, and its client hears when it is done", async () => {
    const at = await cell("legacy", "modern");
    const made = await at.call();
    const ask = '{"u":{"method":"elicitation/create","params":{"mode":"url","url":"https://a/"}}}';
    at.last().result(asks(ask));
    await settle();
    const params = JSON.parse(made.reply.questions[0]?.params ?? "");
    expect(params).toMatchObject({ mode: "url", url: "https://a/" });
    expect(params.elicitationId.length).toBeGreaterThan(20);
    await made.reply.questions[0]?.answer('{"action":"accept"}');
    expect(made.reply.notes).toEqual([]);
    at.last().result(done);
    await settle();
    expect(made.reply.notes).toMatchObject([
      {
        method: "notifications/elicitation/complete",
        params: { elicitationId: params.elicitationId },
      },
    ]);
  });

  test("a form that the client answers with an error is cancelled; sampling ends the call", async () => {
    const at = await cell("legacy", "modern");
    const made = await at.call();
    at.last().result(asks(`{"e":{"method":"elicitation/create","params":${form}}}`));
    await settle();
    await made.reply.questions[0]?.refuse(-32603, "no screen");
    expect(at.last().params).toContain('"inputResponses":{"e":{"action":"cancel"}}');
    at.last().result(asks('{"s":{"method":"sampling/createMessage","params":{}}}'));
    await settle();
    await made.reply.questions[1]?.refuse(-1, "no");
    expect(textOf(made)).toContain("GW_UNANSWERED");
    expect(at.outcomes()[0]).toMatchObject({ outcome: "unknown", code: "GW_UNANSWERED" });
  });

  const dead = [
    ["undeclared", { capabilities: {} }, all, "roots/list", "undeclared"],
    ["no stream", { asks: false }, all, "roots/list", "unasked"],
    [
      "denied, and nothing can be said for the user",
      {},
      denied,
      "sampling/createMessage",
      "denied",
    ],
  ] as const;
  for (const [name, more, policy, method, end] of dead) {
    test(`nothing is guessed: ${name}`, async () => {
      const at = await cell("legacy", "modern", { policy });
      const made = await at.call(more);
      at.last().result(asks(`{"k":{"method":"${method}"}}`));
      await settle();
      expect(textOf(made)).toContain("GW_UNANSWERED");
      expect(at.server.sent).toHaveLength(1);
      expect(at.outcomes()[0]).toMatchObject({ code: "GW_UNANSWERED", asked: [{ method, end }] });
    });
  }

  test("a deny that names the method declines for the user", async () => {
    const at = await cell("legacy", "modern", { policy: denied });
    const made = await at.call();
    at.last().result(asks(`{"e":{"method":"elicitation/create","params":${form}}}`));
    await settle();
    expect(made.reply.questions).toEqual([]);
    expect(at.last().params).toContain('"inputResponses":{"e":{"action":"decline"}}');
  });

  test("U21 results that are no questions end the call", async () => {
    const odd = [
      '{"resultType":"input_required"}',
      asks("[]"),
      asks('{"k":{"params":{}}}'),
      asks('{"k":5}'),
      asks('{"k":{"method":"roots/list"},"k":{"method":"roots/list"}}'),
      '{"resultType":"input_required","requestState":{}}',
    ];
    for (const result of odd) {
      const at = await cell("legacy", "modern");
      const made = await at.call();
      at.last().result(result);
      await settle();
      expect(textOf(made)).toContain("GW_UPSTREAM_ERROR");
      expect(made.reply.questions).toEqual([]);
    }
  });

  test("one question fails: the others are taken back", async () => {
    const at = await cell("legacy", "modern");
    const made = await at.call();
    const both = '{"s":{"method":"sampling/createMessage"},"r":{"method":"roots/list"}}';
    at.last().result(asks(both));
    await settle();
    await made.reply.questions[0]?.refuse(-1, "no");
    expect(made.reply.questions[1]?.takenBack).toBeDefined();
    expect(at.kinds()).toEqual(["intent", "outcome"]);
  });

  test("the client leaves, or is late, in the middle of a round", async () => {
    const at = await cell("legacy", "modern", { timeout: { idleMs: 1000, maxMs: 3_600_000 } });
    const made = await at.call();
    at.last().result(asks('{"r":{"method":"roots/list"}}'));
    await settle();
    made.handling.cancel("left");
    await made.reply.questions[0]?.answer('{"roots":[]}');
    expect(at.server.sent).toHaveLength(1);
    const late = await at.call();
    at.last().result(asks('{"r":{"method":"roots/list"}}'));
    await settle();
    await at.at.clock.advance(601_000);
    expect(textOf(late)).toContain("GW_ANSWER_LATE");
    expect(at.outcomes().map(({ outcome }) => outcome)).toEqual(["cancelled", "expired"]);
  });

  test("-32021 of the server: a tool error, and -32603 elsewhere", async () => {
    const at = await cell("legacy", "modern");
    const made = await at.call();
    const error = '{"code":-32021,"message":"m","data":{"requiredCapabilities":{"sampling":{}}}}';
    at.last().error(error);
    await settle();
    expect(textOf(made)).toContain("GW_CLIENT_CAPABILITY");
    const prompt = await at.call({ method: "prompts/get" });
    at.last().error(error);
    await settle();
    expect(prompt.error()).toMatchObject({ code: -32603, data: { code: "GW_CLIENT_CAPABILITY" } });
  });

  test("-32042 between legacy ones passes", async () => {
    const at = await cell("legacy", "legacy");
    const made = await at.call();
    const error = `{"code":-32042,"message":"m","data":{"elicitations":[${url}]}}`;
    at.last().error(error);
    await settle();
    expect(made.reply.answer()?.text).toContain(error);
    expect(at.outcomes()).toMatchObject([{ asked: [{ end: "passed" }] }]);
  });

  test("F25 … unless the policy does not let the client be asked", async () => {
    const denied = `${all}  - {id: no, effect: deny, methods: [elicitation/create]}\n`;
    const at = await cell("legacy", "legacy", { policy: denied });
    const made = await at.call();
    at.last().error(`{"code":-32042,"message":"m","data":{"elicitations":[${url}]}}`);
    await settle();
    expect(textOf(made)).toContain("GW_UNANSWERED");
    expect(made.reply.answer()?.text).not.toContain("a.example");
    expect(at.outcomes()).toMatchObject([{ asked: [{ end: "denied" }] }]);
  });
});
