import { describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/base/json.ts";
import { extend } from "../../src/call/deadlines.ts";
import { handle } from "../../src/call/methods.ts";
import {
  type ScriptedUpstream,
  scriptedUpstream,
  settle,
  type World,
  world,
} from "../kit/scripted.ts";
import { type Caught, catchReply, incoming } from "../kit/scripted-client.ts";

const echo = {
  name: "echo",
  inputSchema: { type: "object", properties: { text: { type: "string" } } },
} as const;

const allowEcho = 'id: t\nallow: ["s/echo"]\n';

function callBody(args = '{"text":"hi"}', more = "", id: string | number = 7): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"s__echo","arguments":${args}${more}}}`;
}

interface Done {
  readonly reply: Caught;
  readonly server: ScriptedUpstream;
  readonly at: World;
}

async function callOnce(options: {
  policy?: string;
  body?: string;
  script?: ScriptedUpstream["script"];
  modern?: boolean;
  behind?: "legacy" | "modern";
}): Promise<Done> {
  const era = options.behind ?? "legacy";
  const script = options.script;
  const server = scriptedUpstream("s", [echo], script === undefined ? { era } : { era, script });
  const at = await world([server], options.policy === undefined ? {} : { policy: options.policy });
  const reply = catchReply();
  const front = options.modern === true ? "modern" : "legacy";
  handle(incoming(options.body ?? callBody(), { era: front }), reply, at.ports);
  await settle();
  return { reply, server, at };
}

function resultText(reply: Caught): string {
  const result = reply.answer()?.value["result"] as { content: { text: string }[] };
  return result.content.map((part) => part.text).join("");
}

describe("an allowed call", () => {
  test("P4 the arguments reach the server byte for byte and the receipt has their size", async () => {
    const args = '{"text" : "a\\u0041",  "n":1.0, "big":12345678901234567890}';
    const policy = "id: t\nrules:\n  - {id: r, effect: allow, tools: [s/echo], other_args: any}\n";
    const { server, at } = await callOnce({ policy, body: callBody(args) });
    expect(server.sent[0]?.params).toContain(args);
    expect(server.sent[0]?.params).toContain('"name":"echo"');
    const intent = at.records[0];
    expect(intent?.kind === "intent" && intent.fields.argsBytes).toBe(args.length);
  });

  test("invariant 3: intent, then the server, then outcome, then the answer", async () => {
    const order: string[] = [];
    const gates: (() => void)[] = [];
    const server = scriptedUpstream("s", [echo], {
      script(request) {
        order.push("server");
        request.result('{"content":[]}');
      },
    });
    const durable = () => new Promise<void>((resolve) => gates.push(resolve));
    const at = await world([server], { policy: allowEcho, durable });
    const reply = catchReply();
    handle(incoming(callBody()), reply, at.ports);
    await settle();
    expect(order).toEqual([]);
    gates[0]?.();
    await settle();
    expect(order).toEqual(["server"]);
    expect(reply.answer()).toBeUndefined();
    gates[1]?.();
    await settle();
    expect(reply.answer()?.status).toBe(200);
    expect(at.records.map((record) => record.kind)).toEqual(["intent", "outcome"]);
  });

  test("a failing intent denies: nothing is sent", async () => {
    const server = scriptedUpstream("s", [echo]);
    const durable = () => Promise.reject(new Error("disk"));
    const at = await world([server], { policy: allowEcho, durable });
    const reply = catchReply();
    const ports = { ...at.ports, error() {} };
    handle(incoming(callBody()), reply, ports);
    await settle();
    expect(server.sent).toEqual([]);
    expect(reply.answer()?.value["result"]).toMatchObject({ isError: true });
  });

  test.each([
    [1, 1, '{"content":[]}', true],
    [1, 0, '{"content":[]}', false],
    // Sent again in a new session: the first connection may still hold bytes of it.
    [2, 1, '{"content":[]}', false],
    [2, 2, '{"content":[]}', true],
    [1, 1, undefined, false],
  ])(
    "sent %p times, %p of them written, the answer %p: the request's memory is freed: %p",
    async (sent, written, result, freed) => {
      const server = scriptedUpstream("s", [echo], {
        script: (request) => result !== undefined && request.result(result),
      });
      const { send } = server;
      server.send = (request, sink) => {
        const { method, name, headers, origin } = request;
        const params = (id: number, era: "legacy" | "modern") => {
          for (let n = 1; n < sent; n += 1) request.params(id, era);
          const pieces = request.params(id, era);
          for (let n = 0; n < written; n += 1) request.written?.();
          return pieces;
        };
        return send({ method, name, headers, origin, params }, sink);
      };
      const at = await world([server], { policy: allowEcho });
      const order: string[] = [];
      const reply = catchReply();
      const made = incoming(callBody());
      made.message.body.release = () => void order.push("freed");
      const answer = reply.send;
      reply.send = (status, pieces) => {
        order.push("answered");
        answer(status, pieces);
      };
      handle(made, reply, at.ports);
      await settle();
      expect(order).toEqual(
        result === undefined ? [] : freed ? ["answered", "freed"] : ["answered"],
      );
    },
  );

  test("unknown result fields and long numbers pass untouched", async () => {
    const result =
      '{"content":[],"x":{"n":1.10,"big":9007199254740993},"structuredContent":{"a":1}}';
    const { reply } = await callOnce({
      policy: allowEcho,
      script: (request) => request.result(result),
    });
    expect(reply.answer()?.text).toBe(`{"jsonrpc":"2.0","id":7,"result":${result}}`);
  });

  test("F22 the client's id is echoed byte for byte", async () => {
    for (const id of ['"a\\u0062"', "0", '"7"', "-1"]) {
      const { reply } = await callOnce({ policy: allowEcho, body: callBody("{}", "", id) });
      expect(reply.answer()?.text.startsWith(`{"jsonrpc":"2.0","id":${id},`)).toBe(true);
    }
  });

  test("F15 progress comes back under the client's own token", async () => {
    const { reply, server } = await callOnce({
      policy: allowEcho,
      body: callBody("{}", ',"_meta":{"progressToken":"mine","other":1}'),
      script(request) {
        request.progress(`{"progressToken":${request.id},"progress":1,"extra":true}`);
        request.result('{"content":[]}');
      },
    });
    expect(server.sent[0]?.params).toContain('"progressToken":1');
    expect(server.sent[0]?.params).toContain('"other":1');
    expect(reply.notes[0]).toEqual({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: "mine", progress: 1, extra: true },
    });
  });

  test("a server's JSON-RPC error keeps code, message and data", async () => {
    const error = '{"code":-32602,"message":"bad","data":{"n":1.0}}';
    const { reply, at } = await callOnce({ policy: allowEcho, script: (r) => r.error(error) });
    expect(reply.answer()?.text).toBe(`{"jsonrpc":"2.0","id":7,"error":${error}}`);
    expect(at.records[1]).toMatchObject({ fields: { outcome: "upstream_error" } });
  });

  test("errors about our own hop are not the client's", async () => {
    const error = '{"code":-32020,"message":"header"}';
    const { reply } = await callOnce({ policy: allowEcho, script: (r) => r.error(error) });
    expect(reply.answer()?.value["error"]).toMatchObject({ code: -32603 });
  });
});

describe("a refused call", () => {
  const cases: readonly [string, string | undefined, string, string][] = [
    ["no policy", undefined, "GW_NO_POLICY", "deny"],
    ["no rule", 'id: t\nallow: ["s/other"]\n', "GW_NO_RULE", "deny"],
    ["a deny", 'id: t\nallow: ["*"]\ndeny: ["s/*"]\n', "GW_DENIED", "deny"],
    ["an ask, as nobody can answer it (P30)", 'id: t\nask: ["s/*"]\n', "GW_ASK", "ask"],
  ];
  for (const [name, policy, code, effect] of cases) {
    test(`invariant 1: ${name} sends nothing and leaves one receipt`, async () => {
      const options = policy === undefined ? {} : { policy };
      const { reply, server, at } = await callOnce(options);
      expect(server.sent).toEqual([]);
      expect(at.records).toHaveLength(1);
      expect(at.records[0]).toMatchObject({
        kind: "refusal",
        fields: { code, effect, outcome: "denied", tool: "echo", server: "s" },
      });
      expect(resultText(reply)).toContain(code);
      expect(resultText(reply)).toContain("r-test-0");
    });
  }

  test("the rule and its hint reach the agent", async () => {
    const policy =
      'id: t\nrules:\n  - {id: kept, effect: deny, tools: ["s/*"], hint: "use write_note"}\n';
    const { reply } = await callOnce({ policy });
    expect(resultText(reply)).toContain('rule "kept"');
    expect(resultText(reply)).toContain("use write_note");
  });

  test("P15 a name that is not listed exactly is an unknown tool, with a receipt", async () => {
    for (const name of ["S__echo", "s__echo ", "s__ECHO", "s/echo", "echo", "s__"]) {
      const body = callBody().replace("s__echo", name);
      const { reply, server, at } = await callOnce({ policy: 'id: t\nallow: ["*"]\n', body });
      expect(server.sent).toEqual([]);
      expect(reply.answer()?.value["error"]).toMatchObject({ code: -32602 });
      expect(at.records[0]).toMatchObject({ kind: "refusal", fields: { code: "GW_TOOL_UNKNOWN" } });
    }
  });

  test("R10 an error shows the beginning of a long tool name or method", async () => {
    const long = "z".repeat(100_000);
    const named = await callOnce({ body: callBody().replace("s__echo", `s__${long}`) });
    const other = await callOnce({ body: callBody().replace("tools/call", long) });
    for (const { reply } of [named, other]) {
      const error = reply.answer()?.value["error"] as { message: string };
      expect(JSON.stringify(error).length).toBeLessThan(500);
      expect(error.message).toContain("z".repeat(120));
    }
  });

  test("P13 other methods are not offered", async () => {
    for (const method of ["sampling/createMessage", "tasks/update", "foo/bar"]) {
      const body = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{}}`;
      const { reply, server } = await callOnce({ policy: 'id: t\nallow: ["*"]\n', body });
      expect(reply.answer()?.value["error"]).toMatchObject({ code: -32601 });
      expect(server.sent).toEqual([]);
    }
  });
});

describe("a call that does not end well", () => {
  const silent = () => {};

  async function started(timeout = { idleMs: 1000, maxMs: 5000 }) {
    const server = scriptedUpstream("s", [echo], { script: silent });
    const at = await world([server], { policy: allowEcho, timeout });
    const reply = catchReply();
    const handling = handle(incoming(callBody()), reply, at.ports);
    await settle();
    return { server, at, reply, handling };
  }

  test("timeout.idle fires, names the setting and its value, and tells the server", async () => {
    const { server, at, reply } = await started();
    await at.clock.advance(1100);
    expect(resultText(reply)).toContain("GW_TIMEOUT_IDLE");
    expect(resultText(reply)).toContain("servers.s.timeout.idle is 1 s");
    expect(server.cancelled).toHaveLength(1);
    expect(at.records[1]).toMatchObject({
      fields: { outcome: "timeout", code: "GW_TIMEOUT_IDLE" },
    });
  });

  test("progress keeps idle away, max ends the call all the same", async () => {
    const { server, at, reply } = await started();
    for (let i = 0; i < 9; i++) {
      await at.clock.advance(500);
      server.sent[0]?.progress('{"progressToken":1,"progress":1}');
    }
    expect(reply.answer()).toBeUndefined();
    await at.clock.advance(600);
    expect(resultText(reply)).toContain("GW_TIMEOUT_MAX");
  });

  test("a call that an operator gave more time says how long it had in all", async () => {
    const { at, reply } = await started();
    const [call] = at.ports.board.inFlight;
    extend(call!.deadline!, at.clock.mono(), 3000);
    await at.clock.advance(2900);
    expect(reply.answer()).toBeUndefined();
    await at.clock.advance(200);
    expect(resultText(reply)).toContain("was not done after 3");
    expect(resultText(reply)).toContain("extended by an operator");
  });

  test("a late answer after the deadline is not sent twice", async () => {
    const { server, at, reply } = await started();
    await at.clock.advance(1100);
    server.sent[0]?.result('{"content":[]}');
    await settle();
    expect(at.records).toHaveLength(2);
    expect(reply.answer()).toBeDefined();
  });

  test("the client's cancel reaches the server; no answer, outcome cancelled", async () => {
    const { server, at, reply, handling } = await started();
    handling.cancel("changed my mind");
    await settle();
    expect(server.cancelled).toEqual(["changed my mind"]);
    expect(reply.answer()).toBeUndefined();
    expect(at.records[1]).toMatchObject({ fields: { outcome: "cancelled" } });
  });

  test("A12 a server that goes away after it got the call: unknown, said so", async () => {
    const { fault } = await import("../../src/base/errors.ts");
    const { server, at, reply } = await started();
    server.sent[0]?.fail(fault("GW_UPSTREAM_LOST", { message: "gone" }), true);
    await settle();
    expect(at.records[1]).toMatchObject({
      fields: { outcome: "unknown", code: "GW_UPSTREAM_LOST" },
    });
    expect(resultText(reply)).toContain("GW_UPSTREAM_LOST");
  });
});

describe("crossing the eras", () => {
  test("modern client, legacy server: the envelope stays here, resultType is added", async () => {
    const meta =
      ',"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"traceparent":"00-1"}';
    const { reply, server } = await callOnce({
      policy: allowEcho,
      body: callBody("{}", meta),
      modern: true,
      script: (request) => request.result('{"content":[],"x":1.0}'),
    });
    expect(server.sent[0]?.params).not.toContain("io.modelcontextprotocol");
    expect(server.sent[0]?.params).toContain('"traceparent":"00-1"');
    expect(reply.answer()?.text).toContain('"x":1.0');
    expect(reply.answer()?.value["result"]).toMatchObject({ resultType: "complete" });
  });

  test("legacy client, modern server: the envelope is made, resultType goes", async () => {
    const { reply, server } = await callOnce({
      policy: allowEcho,
      behind: "modern",
      script: (request) => request.result('{"resultType":"complete","content":[]}'),
    });
    const params: JsonObject = JSON.parse(server.sent[0]?.params ?? "");
    expect(params["_meta"]).toMatchObject({
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    });
    expect(reply.answer()?.value["result"]).toEqual({ content: [] });
  });

  test("what a legacy client cannot be given is said, not guessed", async () => {
    const { reply } = await callOnce({
      policy: allowEcho,
      behind: "modern",
      script: (request) => request.result('{"resultType":"task","taskId":"t"}'),
    });
    expect(resultText(reply)).toContain("GW_NOT_BRIDGED");
  });
});

describe("after forwarding nothing is a denial (invariant 6)", () => {
  test("A12 the outcome cannot be written: the agent is told that the call may have run", async () => {
    let records = 0;
    const durable = () => (records++ === 0 ? Promise.resolve() : Promise.reject(new Error("disk")));
    const server = scriptedUpstream("s", [echo]);
    const at = await world([server], { policy: allowEcho, durable });
    const reply = catchReply();
    handle(incoming(callBody()), reply, { ...at.ports, error() {} });
    await settle();
    expect(server.sent).toHaveLength(1);
    expect(resultText(reply)).toContain("GW_OUTCOME_LOST");
    expect(resultText(reply)).toContain("may have run");
    expect(resultText(reply)).toContain("r-test-0");
  });

  test("U27 an answer that is no MCP after the server got the call is unknown, said so", async () => {
    const { fault } = await import("../../src/base/errors.ts");
    const error = fault("GW_UPSTREAM_ERROR", { message: "HTTP 500" });
    const { reply, at } = await callOnce({ policy: allowEcho, script: (r) => r.fail(error, true) });
    expect(at.records[1]).toMatchObject({
      fields: { outcome: "unknown", code: "GW_UPSTREAM_ERROR" },
    });
    expect(resultText(reply)).toContain("The call may have run.");
  });
});
