import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ListMethod } from "../../src/protocol/lists.ts";
import { scriptedUpstream, someone, world } from "../kit/scripted.ts";

const server = () =>
  scriptedUpstream("s", [], {
    prompts: [{ name: "open" }, { name: "closed" }, { name: "some", arguments: [{ name: "q" }] }],
    resources: [
      { uri: "file:///srv/a.txt", name: "a" },
      { uri: "file:///etc/passwd", name: "p" },
      { uri: "note://1", name: "n" },
    ],
    templates: [
      { uriTemplate: "file:///srv/{name}", name: "in" },
      { uriTemplate: "file:///{+path}", name: "all" },
      { uriTemplate: "note://{id}", name: "n" },
    ],
  });

async function seen(policy: string, method: ListMethod, identity = someone) {
  const at = await world([server()], { policy });
  const page = JSON.parse(await at.ports.catalog.page(method, identity, "legacy", undefined));
  const items = Object.values(page)[0] as Record<string, string>[];
  return items.map((item) => item["uriTemplate"] ?? item["uri"] ?? item["name"]);
}

const rules = (...lines: string[]) => `id: t\nrules:\n${lines.map((l) => `  - ${l}\n`).join("")}`;

describe("P12 hidden only where every call is denied", () => {
  const cases: readonly [string, string, ListMethod, readonly string[]][] = [
    [
      "nothing allowed: no prompts",
      rules("{id: a, effect: allow, tools: ['*']}"),
      "prompts/list",
      [],
    ],
    [
      "prompts by name, and one by its arguments",
      rules(
        "{id: a, effect: allow, prompts: [s/open]}",
        "{id: b, effect: allow, prompts: [s/some], when: {args.q: {eq: x}}}",
      ),
      "prompts/list",
      ["s__open", "s__some"],
    ],
    [
      "a denied prompt among allowed ones",
      rules(
        "{id: a, effect: allow, prompts: ['s/*']}",
        "{id: b, effect: deny, prompts: [s/closed]}",
      ),
      "prompts/list",
      ["s__open", "s__some"],
    ],
    [
      "resources by URI",
      rules("{id: a, effect: allow, resources: ['file:///srv/*']}"),
      "resources/list",
      ["file:///srv/a.txt"],
    ],
    [
      "a denied resource among allowed ones",
      rules(
        "{id: a, effect: allow, resources: ['*']}",
        "{id: b, effect: deny, resources: ['file:///etc/*']}",
      ),
      "resources/list",
      ["file:///srv/a.txt", "note://1"],
    ],
    [
      "templates of which some URIs are allowed",
      rules("{id: a, effect: allow, resources: ['file:///srv/*']}"),
      "resources/templates/list",
      ["file:///srv/{name}", "file:///{+path}"],
    ],
    [
      "a deny hides only the templates it covers whole",
      rules(
        "{id: a, effect: allow, resources: ['*']}",
        "{id: b, effect: deny, resources: ['file:///srv/*']}",
      ),
      "resources/templates/list",
      ["file:///{+path}", "note://{id}"],
    ],
    [
      "the method covers all of them",
      rules("{id: a, effect: allow, methods: [resources/read]}"),
      "resources/templates/list",
      ["file:///srv/{name}", "file:///{+path}", "note://{id}"],
    ],
    [
      "of another key nothing",
      rules("{id: a, effect: allow, resources: ['*'], who: {keys: [other]}}"),
      "resources/list",
      [],
    ],
  ];
  for (const [name, policy, method, expected] of cases) {
    test(name, async () => {
      expect(await seen(policy, method)).toEqual([...expected]);
    });
  }

  test("for any rules: what the list hides, every read denies; what a read allows, it shows", async () => {
    const glob = fc.constantFrom(
      "*",
      "file:///srv/*",
      "file:///*",
      "note://*",
      "*/passwd",
      "note://1",
    );
    const rule = fc.record({ effect: fc.constantFrom("allow", "deny", "ask"), glob });
    await fc.assert(
      fc.asyncProperty(fc.array(rule, { minLength: 1, maxLength: 4 }), async (given) => {
        const policy = rules(
          ...given.map(
            (one, at) => `{id: r${at}, effect: ${one.effect}, resources: ['${one.glob}']}`,
          ),
        );
        const at = await world([server()], { policy });
        const { catalog } = at.ports;
        const page = async (method: ListMethod) =>
          JSON.parse(await catalog.page(method, someone, "legacy", undefined));
        const shown = new Set(
          (await page("resources/list")).resources.map(({ uri }: { uri: string }) => uri),
        );
        const templates = new Set(
          (await page("resources/templates/list")).resourceTemplates.map(
            ({ uriTemplate }: { uriTemplate: string }) => uriTemplate,
          ),
        );
        const effect = (uri: string) => {
          const item = catalog.resource(uri);
          if (item === undefined) throw new Error(uri);
          const facts = { args: { uri }, client: {}, request: {}, nowMs: 0 };
          return catalog.candidates(someone, item).decide(facts).effect;
        };
        for (const { name } of catalog.listed("resources/list")) {
          expect(shown.has(name)).toBe(effect(name) !== "deny");
        }
        for (const [uri, template] of [
          ["file:///srv/x", "file:///srv/{name}"],
          ["file:///home/x", "file:///{+path}"],
          ["note://7", "note://{id}"],
        ] as const) {
          if (effect(uri) !== "deny") expect(templates.has(template)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });
});
