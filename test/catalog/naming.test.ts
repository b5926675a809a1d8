import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { exposedNames, type Naming, shortened } from "../../src/catalog/naming.ts";
import { builtOf, schema, toolsOf } from "./kit.ts";

const long = "x".repeat(80);

describe("names over 64 characters", () => {
  test("are cut, with a hash of the whole, the same in every run", () => {
    const name = shortened(`files__${long}`);
    expect(name).toBe(`files__${"x".repeat(48)}_192b35cd`);
    expect(name).toHaveLength(64);
    expect(shortened("x".repeat(64))).toBe("x".repeat(64));
  });

  test("differ wherever the whole names do", () => {
    expect(shortened(`${long}a`)).not.toBe(shortened(`${long}b`));
  });

  test("half a character is left away", () => {
    const cut = shortened(`${"x".repeat(54)}😀${long}`);
    expect(cut.isWellFormed()).toBe(true);
    expect(cut).toHaveLength(63);
  });

  test("are found by what agents see, and keep their own name behind", () => {
    for (const naming of ["prefix", "auto", "bare"] as const) {
      const { items, quarantined } = toolsOf({ a: [`${long}1`, `${long}2`] }, naming);
      expect([...items.values()].map(({ name }) => name)).toEqual([`${long}1`, `${long}2`]);
      for (const exposed of items.keys()) expect(exposed).toHaveLength(64);
      expect(quarantined).toEqual([]);
    }
  });
});

describe("collisions", () => {
  test("P17 auto: a name that reads like another server's gets its own prefix", () => {
    const { items } = toolsOf({ evil: ["read", "files__read"], files: ["read"] }, "auto");
    const routes = [...items].map(([exposed, { target }]) => [exposed, target]);
    expect(Object.fromEntries(routes)).toEqual({
      evil__read: "evil/read",
      evil__files__read: "evil/files__read",
      files__read: "files/read",
    });
  });

  test("bare: the second is refused, and shown with who has the name", () => {
    const { items, quarantined } = toolsOf({ a: ["x"], b: ["x", "y"] }, "bare");
    expect([...items.values()].map(({ target }) => target)).toEqual(["a/x", "b/y"]);
    expect(quarantined).toEqual([
      { kind: "tool", server: "b", name: "x", why: 'the name "x" is taken by a/x' },
    ]);
  });

  test("prompts are named like tools, and are no tools", () => {
    const prompts = { a: [{ name: "x" }], b: [{ name: "x" }] };
    for (const [naming, names] of [
      ["prefix", ["a__x", "b__x"]],
      ["auto", ["a__x", "b__x"]],
      ["bare", ["x"]],
    ] as const) {
      const { items, quarantined } = builtOf(prompts, { method: "prompts/list", naming });
      expect([...items.keys()]).toEqual([...names]);
      expect([...items.values()].every(({ kind }) => kind === "prompt")).toBe(true);
      expect(quarantined.map(({ kind }) => kind)).toEqual(naming === "bare" ? ["prompt"] : []);
    }
  });

  test("a resource's URI goes unchanged; the first server keeps it, the second is shown", () => {
    const one = { uri: "file:///a%20b", name: "a" };
    const { items, quarantined } = builtOf(
      { a: [one], b: [one, { uri: "b:x", name: "x" }] },
      { method: "resources/list", naming: "prefix" },
    );
    const routes = [...items].map(([uri, { server, target }]) => [uri, server, target]);
    expect(routes).toEqual([
      ["file:///a%20b", "a", "file:///a%20b"],
      ["b:x", "b", "b:x"],
    ]);
    expect(quarantined).toMatchObject([
      { kind: "resource", server: "b", why: '"a" has it already' },
    ]);
  });
});

/** Short names from few characters, so that separators, prefixes and equal names are common. */
const names = fc.uniqueArray(
  fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "_", "__", "-"), minLength: 1, maxLength: 6 }),
    fc.constantFrom("a__b", "b__a", "a__", "__a", "a-b__c", "x".repeat(70), `a__${"x".repeat(61)}`),
  ),
  { maxLength: 6 },
);
const ids = fc.constantFrom("a", "b", "a-b", "ab", "b-");
const servers = fc.uniqueArray(fc.tuple(ids, names), { selector: ([id]) => id, maxLength: 4 });
const namings = fc.constantFrom<Naming>("prefix", "auto", "bare");

describe("P16 for any servers and tools", () => {
  test("each listed name leads to one tool, each offered tool has one name", () => {
    fc.assert(
      fc.property(servers, namings, (given, naming) => {
        const { items, quarantined } = toolsOf(Object.fromEntries(given), naming);
        const targets = [...items].map(([exposed, item]) => {
          expect(item.exposed).toBe(exposed);
          return JSON.stringify([item.server, item.name]);
        });
        expect(new Set(targets).size).toBe(items.size);
        const all = given.flatMap(([server, own]) =>
          own.filter((name) => name.length <= 128).map((name) => JSON.stringify([server, name])),
        );
        const held = quarantined.map(({ server, name }) => JSON.stringify([server, name]));
        expect([...targets, ...held].sort()).toEqual(all.sort());
        if (naming === "prefix") expect(held).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("P17 a server that comes later, wherever its place, takes no name that another has", () => {
    fc.assert(
      fc.property(servers, namings, names, fc.nat(4), (given, naming, hostile, place) => {
        const before = toolsOf(Object.fromEntries(given), naming);
        const all: (readonly [string, string[]])[] = [...given];
        all.splice(place, 0, ["evil", hostile]);
        const after = toolsOf(Object.fromEntries(all), naming, before);
        for (const [exposed, { target }] of before.items) {
          const now = after.items.get(exposed);
          // auto: a name that is not unique any more gets its prefix, and is nobody's.
          if (now === undefined) expect(naming).toBe("auto");
          else expect(now.target).toBe(target);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("the text that agents get has the exposed name, and the schema untouched", () => {
    fc.assert(
      fc.property(servers, namings, (given, naming) => {
        for (const [exposed, { text }] of toolsOf(Object.fromEntries(given), naming).items) {
          expect(JSON.parse(text.modern ?? "")).toEqual({ name: exposed, inputSchema: schema });
        }
      }),
      { numRuns: 100 },
    );
  });

  test("names do not depend on the order of the servers", () => {
    fc.assert(
      fc.property(servers, fc.constantFrom<Naming>("prefix", "auto"), (given, naming) => {
        const named = (list: typeof given) => {
          const items = list.flatMap(([server, own]) => own.map((name) => ({ server, name })));
          const exposed = exposedNames(items, naming, ["a", "b", "a-b", "ab", "b-"]);
          return items.map(({ server, name }, at) => `${server} ${name} ${exposed[at]}`).sort();
        };
        expect(named([...given].reverse())).toEqual(named(given));
      }),
    );
  });
});
