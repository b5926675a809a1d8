import { describe, expect, test } from "bun:test";
import { handle } from "../../src/call/methods.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { type Scripted, scriptedUpstream, settle, world } from "../kit/scripted.ts";
import { catchReply, incoming, type Sent, watching } from "../kit/scripted-client.ts";

const prompts = [{ name: "greet", arguments: [{ name: "who" }] }];
const resources = [
  { uri: "docs://a b/%31", name: "a" },
  { uri: "docs://refused", name: "r" },
];

async function serve(policy: string, behind: Scripted = {}, others: readonly Upstream[] = []) {
  const server = scriptedUpstream("s", [], { prompts, resources, ...behind });
  const at = await world([server, ...others], { policy });
  const ask = async (method: string, params: string, sent: Sent = {}) => {
    const reply = catchReply();
    const body = `{"jsonrpc":"2.0","id":7,"method":"${method}","params":${params}}`;
    const handling = handle(incoming(body, sent), reply, at.ports);
    await settle();
    return { reply, handling };
  };
  return { server, at, ask };
}

const all = 'id: t\nrules:\n  - {id: all, effect: allow, methods: ["*"], other_args: any}\n';

/** Method, params, what the server gets, tool column of the receipt, bytes of its args. */
const decided: readonly [string, string, string, string, string][] = [
  [
    "prompts/get",
    '{"name":"s__greet","arguments":{"who" : "\\u0041"},"x":1.0}',
    '{"name":"greet","arguments":{"who" : "\\u0041"},"x":1.0}',
    "greet",
    '{"who" : "\\u0041"}',
  ],
  [
    "resources/read",
    '{"uri":"docs://a b/%31","x":1.0}',
    '{"uri":"docs://a b/%31","x":1.0}',
    "docs://a b/%31",
    '"docs://a b/%31"',
  ],
  [
    "completion/complete",
    '{"ref":{"type":"ref/prompt","name":"s__greet","y":1.0},"argument":{"name":"who","value":"w"}}',
    '{"argument":{"name":"who","value":"w"},"ref":{"name":"greet","type":"ref/prompt","y":1.0}}',
    "greet",
    '{"name":"who","value":"w"}',
  ],
  [
    "completion/complete",
    '{"argument":{"name":"p","value":""},"ref":{"type":"ref/resource","uri":"docs://a b/%31"}}',
    '{"argument":{"name":"p","value":""},"ref":{"type":"ref/resource","uri":"docs://a b/%31"}}',
    "docs://a b/%31",
    '{"name":"p","value":""}',
  ],
];

describe("methods that are decided", () => {
  for (const [method, params, sent, tool, args] of decided) {
    const name = `${method} of ${tool}`;
    test(`P4 ${name}: bytes go through, one intent, one outcome`, async () => {
      const { server, at, ask } = await serve(all, { script: (r) => r.result('{"a":1.0}') });
      const { reply } = await ask(method, params);
      expect(server.sent.map((one) => [one.method, one.params])).toEqual([[method, sent]]);
      expect(reply.answer()?.text).toBe('{"jsonrpc":"2.0","id":7,"result":{"a":1.0}}');
      expect(at.records.map((record) => record.kind)).toEqual(["intent", "outcome"]);
      const argsBytes = new TextEncoder().encode(args).length;
      expect(at.records[0]).toMatchObject({ fields: { method, server: "s", tool, argsBytes } });
      expect(at.records[1]).toMatchObject({ fields: { outcome: "ok" } });
    });

    test(`P13 ${name}: a denial is a JSON-RPC error with code, rule, hint and receipt`, async () => {
      const policy =
        'id: t\nallow: ["*"]\nrules:\n  - {id: none, effect: deny, methods: ["*"], hint: ask me}\n';
      const { server, at, ask } = await serve(policy);
      const { reply } = await ask(method, params);
      const target = tool.includes("://") ? tool : `s/${tool}`;
      expect(server.sent).toEqual([]);
      expect(reply.answer()?.value["error"]).toMatchObject({
        code: -31001,
        message: `GW_DENIED: ${method} of "${target}" is not allowed by rule "none". Hint: ask me. Receipt: r-test-0.`,
        data: { code: "GW_DENIED", rule: "none", hint: "ask me", receipt: "r-test-0" },
      });
      expect(at.records).toMatchObject([
        { kind: "refusal", fields: { method, tool, code: "GW_DENIED", outcome: "denied" } },
      ]);
    });
  }

  test("a denial says that its rule could not be decided", async () => {
    const deny = "{id: r, effect: deny, prompts: [s/greet], when: {args.other: {eq: you}}}";
    const { at, ask } = await serve(`${all}  - ${deny}\n`);
    const { reply } = await ask("prompts/get", '{"name":"s__greet","arguments":{"who":"me"}}');
    const by = 'is not allowed by rule "r" (it could not be decided). Hint: ';
    expect(reply.answer()?.value["error"]).toMatchObject({ message: expect.stringContaining(by) });
    expect(at.records).toHaveLength(1);
  });

  test("policy sees a prompt's arguments, and those of a completion", async () => {
    const policy =
      "id: t\nrules:\n  - {id: r, effect: allow, prompts: [s/greet], when: {args.who: {eq: you}}}\n";
    const { server, ask } = await serve(policy);
    const ref = '"ref":{"type":"ref/prompt","name":"s__greet"}';
    for (const [method, params] of [
      ["prompts/get", '{"name":"s__greet","arguments":{"who":"me"}}'],
      ["completion/complete", `{${ref},"argument":{"name":"who","value":"me"}}`],
    ] as const) {
      const { reply } = await ask(method, params);
      expect(reply.answer()?.value["error"]).toMatchObject({ data: { code: "GW_NO_RULE" } });
    }
    await ask("prompts/get", '{"name":"s__greet","arguments":{"who":"you"}}');
    await ask("completion/complete", `{${ref},"argument":{"name":"who","value":"you"}}`);
    const context = '"context":{"arguments":{"who":"you"}}';
    await ask("completion/complete", `{${ref},${context},"argument":{"name":"who","value":"you"}}`);
    expect(server.sent).toHaveLength(3);
  });

  test("P15 a name that nobody offers: -32602, a resource -32002 to a legacy client", async () => {
    const cases = [
      ["prompts/get", '{"name":"s__none"}', "GW_PROMPT_UNKNOWN", -32602, -32602],
      ["resources/read", '{"uri":"docs://none"}', "GW_RESOURCE_UNKNOWN", -32002, -32602],
    ] as const;
    for (const [method, params, code, legacy, modern] of cases) {
      // The only server with resources would get any URI.
      const another = scriptedUpstream("t", [], { resources: [] });
      const { server, at, ask } = await serve(all, {}, [another]);
      const old = await ask(method, params);
      expect(old.reply.answer()?.value["error"]).toMatchObject({ code: legacy, data: { code } });
      const now = await ask(method, params, { era: "modern" });
      expect(now.reply.answer()?.value["error"]).toMatchObject({ code: modern, data: { code } });
      expect(at.records).toMatchObject([{ fields: { code } }, { fields: { code } }]);
      expect(server.sent).toEqual([]);
    }
  });

  test("params that are none: -32602, nothing is sent", async () => {
    const { server, ask } = await serve(all);
    for (const [method, params] of [
      ["prompts/get", "{}"],
      ["resources/read", '{"uri":5}'],
      ["completion/complete", '{"ref":{"type":"ref/tool","name":"x"},"argument":{"name":"a"}}'],
      ["completion/complete", '{"ref":{"type":"ref/prompt","name":"s__greet"},"argument":{}}'],
    ] as const) {
      const { reply } = await ask(method, params);
      expect(reply.answer()?.value["error"]).toMatchObject({ code: -32602 });
    }
    expect(server.sent).toEqual([]);
  });
});

describe("subscriptions", () => {
  const uri = '{"uri":"docs://a b/%31"}';

  test("the server is asked once for two sessions, and let go with the last", async () => {
    const { server, at, ask } = await serve(all);
    const [one, two] = [watching(), watching()];
    for (const watched of [one, two, two]) {
      const { reply } = await ask("resources/subscribe", uri, { watched });
      expect(reply.answer()?.value["result"]).toEqual({});
    }
    expect([...server.watched]).toEqual(["docs://a b/%31"]);
    expect([one.all().length, two.all().length]).toEqual([1, 1]);
    const told: string[] = [];
    at.ports.resources.onUpdated((changed) => told.push(changed));
    server.updated("docs://a b/%31");
    server.updated("docs://other");
    expect(told).toEqual(["docs://a b/%31"]);
    await ask("resources/unsubscribe", uri, { watched: one });
    await ask("resources/unsubscribe", uri, { watched: one });
    expect(server.watched.size).toBe(1);
    await ask("resources/unsubscribe", uri, { watched: two });
    expect(server.watched.size).toBe(0);
    expect(at.records.filter((record) => record.kind === "refusal")).toEqual([]);
  });

  test("a server that refuses: the session watches nothing, the receipt says so", async () => {
    const { at, ask } = await serve(all);
    const watched = watching();
    const { reply } = await ask("resources/subscribe", '{"uri":"docs://refused"}', { watched });
    expect(reply.answer()?.value["error"]).toMatchObject({ data: { code: "GW_UPSTREAM_ERROR" } });
    expect(watched.all()).toEqual([]);
    expect(at.records[1]).toMatchObject({ fields: { outcome: "upstream_error" } });
  });

  test("R6 a session watches as many as it may, and is told", async () => {
    const { server, at, ask } = await serve(all);
    const { reply } = await ask("resources/subscribe", uri, { watched: watching(0) });
    const error = { code: -31003, data: { code: "GW_SUBSCRIPTIONS_FULL" } };
    expect(reply.answer()?.value["error"]).toMatchObject(error);
    expect(server.watched.size).toBe(0);
    expect(at.records[1]).toMatchObject({ fields: { outcome: "limited" } });
  });

  test("a denied read is a denied subscription; leaving one works all the same", async () => {
    const { server, at, ask } = await serve(all);
    const watched = watching();
    await ask("resources/subscribe", uri, { watched });
    at.setPolicy('id: t\nrules:\n  - {id: no, effect: deny, resources: ["*"]}\n');
    const { reply } = await ask("resources/subscribe", uri, { watched: watching() });
    expect(reply.answer()?.value["error"]).toMatchObject({ code: -31001 });
    await ask("resources/unsubscribe", uri, { watched });
    expect([watched.all(), [...server.watched]]).toEqual([[], []]);
  });

  test("a modern client has subscriptions/listen for it", async () => {
    const { ask } = await serve(all);
    const { reply } = await ask("resources/subscribe", uri, { era: "modern" });
    expect(reply.answer()?.status).toBe(404);
  });
});

describe("what a server says while it has a call", () => {
  const logs = (levels: readonly string[]): Scripted => ({
    script(request) {
      for (const level of levels) {
        request.notify("notifications/message", `{"level":"${level}","data":"x"}`);
      }
      request.notify("notifications/progress", `{"progressToken":${request.id},"progress":1}`);
      request.notify("acme/own", '{"a":1}');
      request.notify("notifications/tools/list_changed", "{}");
      request.result("{}");
    },
  });
  const levels = ["debug", "info", "error", "odd"];

  const cases: readonly [string, Sent, "legacy" | "modern", readonly string[]][] = [
    ["a legacy client without a level", {}, "legacy", [...levels, "acme"]],
    ["a legacy client with one", { logLevel: "info" }, "legacy", ["info", "error", "odd", "acme"]],
    ["a modern client without one", { era: "modern" }, "modern", ["acme"]],
    ["a modern client with one", { era: "modern", logLevel: "error" }, "legacy", ["error"]],
    ["a legacy client, modern server", { logLevel: "debug" }, "modern", levels],
  ];
  for (const [name, sent, era, expected] of cases) {
    test(`logs: ${name}`, async () => {
      const { ask } = await serve(all, { era, ...logs(levels) });
      const meta = '"_meta":{"progressToken":"mine"}';
      const { reply } = await ask("prompts/get", `{"name":"s__greet",${meta}}`, sent);
      const told = reply.notes.map((note) => {
        const params = note["params"] as { level?: string; progressToken?: string };
        if (params.progressToken !== undefined) return params.progressToken;
        return note["method"] === "acme/own" ? "acme" : String(params.level);
      });
      const progress = expected.includes("acme") ? expected.length - 1 : expected.length;
      expect(told).toEqual(expected.toSpliced(progress, 0, "mine"));
    });
  }

  test("U21 a server may say beside its result that there is no error", async () => {
    const script: Scripted["script"] = ({ result }) => result('{"messages":[]},"error":null');
    const { ask } = await serve(all, { script });
    const { reply } = await ask("prompts/get", '{"name":"s__greet"}');
    expect(reply.answer()?.value["result"]).toEqual({ messages: [] });
  });

  test("a modern server is told the client's level, capabilities and name; nobody else's", async () => {
    const { server, ask } = await serve(all, { era: "modern" });
    const capabilities = { elicitation: { url: {} }, "x/y": { n: 1 }, tasks: { list: {} } };
    const legacy = { capabilities, logLevel: "notice" };
    await ask("prompts/get", '{"name":"s__greet"}', legacy);
    const info = '"io.modelcontextprotocol/clientInfo":{"name":"me","extra":1.0}';
    const meta = `"_meta":{${info}}`;
    await ask("prompts/get", `{"name":"s__greet",${meta}}`, { era: "modern", capabilities });
    expect(JSON.parse(server.sent[0]?.params ?? "")["_meta"]).toEqual({
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": { elicitation: { url: {} }, "x/y": { n: 1 } },
      "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
      "io.modelcontextprotocol/logLevel": "notice",
    });
    expect(server.sent[1]?.params).toContain(`${info}`);
    expect(JSON.parse(server.sent[1]?.params ?? "")["_meta"]).toMatchObject({
      "io.modelcontextprotocol/clientCapabilities": capabilities,
    });
  });
});
