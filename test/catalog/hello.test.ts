import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { handle } from "../../src/call/methods.ts";
import { type Carried, describe as described } from "../../src/catalog/hello.ts";
import { type ListMethod, listMethods, listShapes } from "../../src/protocol/lists.ts";
import { type Scripted, scriptedUpstream, settle, someone, world } from "../kit/scripted.ts";
import { catchReply, incoming } from "../kit/scripted-client.ts";

const all = 'id: t\nrules:\n  - {id: all, effect: allow, methods: ["*"], other_args: any}\n';
const carried: Carried = {
  ...{ prompts: true, resources: true, subscribe: true },
  ...{ completions: true, logging: true, tasks: true },
};
const changing = { listChanged: true };
const tool = { name: "x", inputSchema: {} };

function of(server: Scripted, id = "s") {
  const upstream = scriptedUpstream(id, [], server);
  return { server: id, hello: upstream.hello(), seen: true };
}

describe("what is declared", () => {
  const cases: readonly [string, readonly ReturnType<typeof of>[], object][] = [
    ["tools alone", [of({})], { tools: changing }],
    ["no server at all", [], { tools: changing }],
    ["prompts", [of({ prompts: [] })], { tools: changing, prompts: changing }],
    [
      "what any of the servers has",
      [of({ prompts: [] }), of({ resources: [], era: "modern" }, "t")],
      { tools: changing, prompts: changing, resources: changing },
    ],
    [
      "subscriptions, completions and logs",
      [
        of({
          capabilities: { resources: { subscribe: true }, completions: {}, logging: {} },
        }),
      ],
      {
        ...{ tools: changing, resources: { subscribe: true, listChanged: true } },
        ...{ completions: {}, logging: {} },
      },
    ],
    [
      "a server that never answered may have both",
      [{ server: "s", hello: undefined, seen: false }],
      { tools: changing, prompts: changing, resources: changing },
    ],
  ];
  for (const [name, servers, capabilities] of cases) {
    test(name, () => {
      for (const era of ["legacy", "modern"] as const) {
        expect(described(servers, carried, era).capabilities).toEqual(capabilities as never);
      }
    });
  }

  test("nothing that is not carried, whatever servers have", () => {
    const none: Carried = {
      ...{ prompts: false, resources: false, subscribe: false },
      ...{ completions: false, logging: false, tasks: false },
    };
    const extensions = { "io.modelcontextprotocol/tasks": {} };
    const capabilities = { completions: {}, logging: {}, tasks: {}, extensions };
    const server = of({ prompts: [], resources: [], capabilities, era: "modern" });
    expect(described([server], none, "modern").capabilities).toEqual({ tools: changing });
  });

  test("extensions go through, the first server's where two differ, of servers the key sees", () => {
    const one = of({ capabilities: { extensions: { "x/ui": { a: [1.5] }, "x/one": {} } } });
    const two = of({ capabilities: { extensions: { "x/ui": { b: 1 }, "x/two": {} } } }, "t");
    const hidden = of({ capabilities: { extensions: { "x/secret": {} } } }, "h");
    const { capabilities } = described([one, two, { ...hidden, seen: false }], carried, "legacy");
    expect(capabilities["extensions"]).toEqual({ "x/ui": { a: [1.5] }, "x/one": {}, "x/two": {} });
  });

  test("tasks only where both sides speak the same family", () => {
    const tasks = { list: {}, requests: { tools: { call: {} } } };
    const old = of({ capabilities: { tasks } });
    const extensions = { "io.modelcontextprotocol/tasks": {} };
    const now = of({ era: "modern", capabilities: { extensions } }, "t");
    const legacy = described([old, now], carried, "legacy").capabilities;
    expect([legacy["tasks"], legacy["extensions"]]).toEqual([tasks, undefined as never]);
    const modern = described([old, now], carried, "modern").capabilities;
    expect([modern["tasks"], modern["extensions"]]).toEqual([undefined as never, extensions]);
  });

  test("R11 an extension as large as a book is left out; __proto__ is no member", () => {
    const book = "x".repeat(limits.serverCapabilityChars);
    const large = of({ capabilities: { extensions: { "x/book": book } } });
    const odd = of({ capabilities: JSON.parse('{"extensions":{"__proto__":{"a":1}}}') }, "t");
    expect(described([large, odd], carried, "modern").capabilities["extensions"]).toBeUndefined();
  });
});

describe("instructions", () => {
  test("each with its server's id, none of servers that the key does not see", () => {
    const hidden = { ...of({ instructions: "secret" }, "c"), seen: false };
    const { instructions } = described(
      [
        of({ instructions: " Read first.\n" }, "a"),
        of({}, "b"),
        hidden,
        of({ instructions: "D" }, "d"),
      ],
      carried,
      "modern",
    );
    expect(instructions).toBe("## a\n\nRead first.\n\n## d\n\nD");
  });

  test("none are none, long ones are cut", () => {
    expect(described([of({})], carried, "modern").instructions).toBeUndefined();
    const long = of({ instructions: "x".repeat(100_000) });
    const many = Array.from({ length: 20 }, () => long);
    const { instructions = "" } = described(many, carried, "modern");
    expect(instructions.length).toBeLessThan(limits.instructionChars * 1.1);
    expect(described([long], carried, "modern").instructions).toEndWith("…");
  });

  test("a key sees those of the servers that its policy lets it see", async () => {
    const a = scriptedUpstream("a", [tool], { instructions: "use a" });
    const b = scriptedUpstream("b", [tool], { instructions: "use b" });
    const at = await world([a, b], { policy: "id: t\nallow: ['a/*']\n" });
    expect((await at.ports.catalog.hello(someone, "modern")).instructions).toBe("## a\n\nuse a");
    at.setPolicy("id: t\nallow: ['b/*']\n");
    expect((await at.ports.catalog.hello(someone, "modern")).instructions).toBe("## b\n\nuse b");
  });
});

describe("declared is answered, undeclared is -32601", () => {
  const servers: readonly [string, Scripted][] = [
    ["tools alone", {}],
    ["prompts", { prompts: [] }],
    ["resources", { resources: [] }],
    ["templates alone", { templates: [] }],
    ["all", { prompts: [], resources: [], templates: [] }],
  ];
  for (const [name, server] of servers) {
    for (const era of ["legacy", "modern"] as const) {
      test(`${name}, ${era}`, async () => {
        const at = await world([scriptedUpstream("s", [], server)], { policy: all });
        const { capabilities } = await at.ports.catalog.hello(someone, era);
        for (const method of listMethods) {
          const declared = capabilities[listShapes[method].capability] !== undefined;
          expect([method, await codeOf(at, method, era)]).toEqual([
            method,
            declared ? undefined : -32601,
          ]);
        }
      });
    }
  }

  test("a session keeps what it was told, a request that stands alone hears what is now", async () => {
    const server = scriptedUpstream("s", [], { prompts: [] });
    const at = await world([server], { policy: all });
    await at.ports.catalog.hello(someone, "legacy");
    server.setList("prompts/list", undefined);
    await settle();
    expect(await codeOf(at, "prompts/list", "legacy")).toBeUndefined();
    expect(await codeOf(at, "prompts/list", "modern")).toBe(-32601);
  });
});

async function codeOf(
  at: Awaited<ReturnType<typeof world>>,
  method: ListMethod,
  era: "legacy" | "modern",
): Promise<unknown> {
  const reply = catchReply();
  handle(incoming(`{"jsonrpc":"2.0","id":1,"method":"${method}"}`, { era }), reply, at.ports);
  await settle();
  const answer = reply.answer();
  const error = answer?.value["error"] as { code: number } | undefined;
  if (era === "modern") expect(answer?.status).toBe(error === undefined ? 200 : 404);
  return error?.code;
}
