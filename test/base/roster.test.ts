import { edenGC, heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Member, Registry, Roster } from "../../src/base/roster.ts";

interface Named extends Member {
  readonly name: number;
}

const member = (name: number): Named => ({ name, place: 0 });

describe("a roster", () => {
  test("holds what a Set would, whatever comes and goes", () => {
    const steps = fc.array(fc.record({ name: fc.nat(12), there: fc.boolean() }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, (steps) => {
        const all = Array.from({ length: 13 }, (_, name) => member(name));
        const roster = new Roster<Named>();
        const model = new Set<Named>();
        for (const { name, there } of steps) {
          const one = all[name] as Named;
          if (!there) expect(roster.delete(one)).toBe(model.delete(one));
          else if (!model.has(one)) roster.add(one);
          if (there) model.add(one);
          expect(roster.size).toBe(model.size);
        }
        expect(new Set(roster)).toEqual(model);
        for (const one of all) expect(roster.has(one)).toBe(model.has(one));
      }),
    );
  });

  test("gives all who stay and none who is gone, whoever goes meanwhile", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(9), { maxLength: 4 }), { minLength: 10 }), (leaving) => {
        const all = Array.from({ length: 10 }, (_, name) => member(name));
        const roster = new Roster<Named>();
        for (const one of all) roster.add(one);
        const given = new Set<Named>();
        for (const one of roster) {
          expect(roster.has(one)).toBe(true);
          given.add(one);
          for (const name of leaving[one.name] ?? []) roster.delete(all[name] as Named);
        }
        for (const one of roster) expect(given.has(one)).toBe(true);
      }),
    );
  });
});

describe("a registry", () => {
  test("holds what a Map would", () => {
    const registry = new Registry<string, Named>();
    const [a, b] = [member(1), member(2)];
    registry.add("a", a);
    registry.add("b", b);
    expect([registry.size, registry.get("a"), registry.has("b")]).toEqual([2, a, true]);
    expect([...registry.entries()]).toEqual([
      ["a", a],
      ["b", b],
    ]);
    expect([registry.delete("a"), registry.delete("a")]).toEqual([true, false]);
    expect([registry.get("a"), registry.has("a"), [...registry.values()]]).toEqual([
      ...[undefined, false],
      [b],
    ]);
  });

  test("holds what a Map would, whatever comes and goes", () => {
    const steps = fc.array(fc.record({ name: fc.nat(9), there: fc.boolean() }), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (steps) => {
        const registry = new Registry<number, number>();
        const model = new Map<number, number>();
        let count = 0;
        for (const { name, there } of steps) {
          count += 1;
          if (!there) expect(registry.delete(name)).toBe(model.delete(name));
          else if (!model.has(name)) {
            registry.add(name, count);
            model.set(name, count);
          }
          expect([registry.size, registry.has(name)]).toEqual([model.size, model.has(name)]);
          expect(registry.get(name)).toBe(model.get(name));
        }
        expect(new Map(registry.entries())).toEqual(model);
      }),
    );
  });
});

describe("those who left are free for the next small collection", () => {
  /** The collector counts by native type. */
  class Gone extends Date implements Member {
    place = 0;
  }

  /** Each stays while the next 31 come; in the middle of it all is collected, as in a real run. */
  function pass(add: (one: Gone, name: number) => void, remove: (one: Gone, name: number) => void) {
    const there: Gone[] = [];
    for (let name = 0; name < 4_000; name++) {
      const one = new Gone();
      there.push(one);
      add(one, name);
      if (there.length > 32) remove(there.shift() as Gone, name - 32);
      if (name === 2_000) Bun.gc(true);
    }
    there.length = 0;
    edenGC();
    return heapStats().objectTypeCounts["Date"] ?? 0;
  }

  test("of a roster and of a registry", () => {
    const roster = new Roster<Gone>();
    expect(
      pass(
        (one) => roster.add(one),
        (one) => roster.delete(one),
      ),
    ).toBeLessThan(200);
    const registry = new Registry<number, Gone>();
    expect(
      pass(
        (one, name) => registry.add(name, one),
        (_, name) => registry.delete(name),
      ),
    ).toBeLessThan(300);
  });

  test("which a Set does not do: else this proves nothing", () => {
    const set = new Set<Gone>();
    expect(
      pass(
        (one) => set.add(one),
        (one) => set.delete(one),
      ),
    ).toBeGreaterThan(1_000);
  });
});
