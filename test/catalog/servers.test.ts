/** The catalog over real servers of both eras at once. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../src/base/limits.ts";
import { createSealer } from "../../src/base/seal.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { openCatalog } from "../../src/catalog/open.ts";
import { type ListMethod, listMethods, listShapes } from "../../src/protocol/lists.ts";
import { policyOf, someone } from "../kit/scripted.ts";
import { everyFeature, everything, filesystem, memory, type StdioEntry } from "../kit/servers.ts";
import { httpUpstream, stdioUpstream, testUpstream, until } from "../kit/upstream.ts";

const folder = mkdtempSync(join(tmpdir(), "gw-lists-"));
const undo: (() => unknown)[] = [];
let catalog: Catalog;
let upstreams: Awaited<ReturnType<typeof testUpstream>>[];

beforeAll(async () => {
  const modern = await everyFeature("modern");
  undo.push(() => modern.stop());
  const stdio = (id: string, { command, args, env = {} }: StdioEntry) =>
    testUpstream(stdioUpstream([command, ...args], { id }, { ...env }));
  upstreams = await Promise.all([
    stdio("old", everything()),
    stdio("memory", memory(join(folder, "graph.json"))),
    stdio("files", filesystem(folder)),
    testUpstream(httpUpstream(modern.url, { id: "new" })),
  ]);
  for (const upstream of upstreams) undo.push(() => upstream.stop());
  catalog = openCatalog({
    servers: upstreams.map((upstream) => ({
      upstream,
      lists: { freshnessMs: 300_000, maxStaleMs: 86_400_000 },
      timeout: () => ({ idleMs: 1000, maxMs: 1000, setting: "x" }),
    })),
    naming: "prefix",
    policy: () => policyOf('id: t\nrules:\n  - {id: a, effect: allow, methods: ["*"]}\n'),
    carried: {
      ...{ prompts: true, resources: true, subscribe: true },
      ...{ completions: true, logging: true, tasks: false },
    },
    clock: systemClock,
    random: systemRandom,
    startWaitMs: 2_000,
    sealer: createSealer(new Uint8Array(32), systemRandom),
    warn: () => undefined,
  });
  undo.push(() => catalog.stop());
  for (const upstream of upstreams) upstream.start();
  const listed = (id: string, method: ListMethod) =>
    catalog.listed(method).some(({ server }) => server === id);
  await until(() => upstreams.every(({ id }) => listed(id, "tools/list")), 30_000);
  await until(() => ["old", "new"].every((id) => listed(id, "resources/templates/list")));
}, 60_000);

afterAll(async () => {
  for (const one of undo.reverse()) await one();
  rmSync(folder, { recursive: true, force: true });
});

async function everyPage(method: ListMethod, era: "legacy" | "modern") {
  const items: Record<string, unknown>[] = [];
  let cursor: string | undefined;
  do {
    const page = JSON.parse(await catalog.page(method, someone, era, cursor));
    items.push(...page[listShapes[method].key]);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return items;
}

describe("four real servers", () => {
  for (const method of listMethods) {
    for (const era of ["legacy", "modern"] as const) {
      test(`${method} has what each of them lists, for ${era} clients`, async () => {
        const shown = await everyPage(method, era);
        const { id } = listShapes[method];
        const expected: Record<string, unknown>[] = [];
        for (const upstream of upstreams) {
          for (const { value } of (await upstream.list(method)).items) {
            const execution = value["execution"] as { taskSupport?: string } | undefined;
            if (era === "modern" && execution?.taskSupport === "required") continue;
            const prefix = id === "name" ? `${upstream.id}__` : "";
            expected.push({ ...value, [id]: `${prefix}${value[id]}`.slice(0, 64) });
          }
        }
        expect(expected.length).toBeGreaterThan(0);
        expect(shown.map((item) => String(item[id]).slice(0, 55))).toEqual(
          expected.map((item) => String(item[id]).slice(0, 55)),
        );
        for (const [at, item] of shown.entries()) {
          if (method === "tools/list") continue;
          const own = expected[at] as Record<string, unknown>;
          expect({ ...item, [id]: "" }).toEqual({ ...own, [id]: "" });
        }
      });
    }
  }

  test("every listed name is found again, and goes to the server that listed it", async () => {
    for (const item of await everyPage("tools/list", "legacy")) {
      expect(catalog.tool(item["name"] as string)?.exposed).toBe(item["name"] as string);
    }
    for (const item of await everyPage("prompts/list", "modern")) {
      const name = item["name"] as string;
      expect(catalog.prompt(name)?.server).toBe(name.split("__")[0] as string);
    }
    for (const upstream of upstreams) {
      for (const { value } of (await upstream.list("resources/list")).items) {
        expect(catalog.resource(value["uri"] as string)?.server).toBe(upstream.id);
      }
    }
  });

  test("a URI made of a template goes to its server", () => {
    expect(catalog.resource("demo://resource/dynamic/text/7")?.server).toBe("old");
    expect(catalog.resource("nobody://knows")).toBeUndefined();
  });

  test("nothing is held back, nothing failed, and no name is too long", async () => {
    expect(catalog.quarantined()).toEqual([]);
    for (const { id } of upstreams) expect(catalog.listFault(id)).toBeUndefined();
    for (const { exposed } of catalog.all()) {
      expect(exposed.length).toBeLessThanOrEqual(limits.exposedNameChars);
    }
  });

  test("what is declared is what they have together", async () => {
    const { capabilities, instructions } = await catalog.hello(someone, "legacy");
    expect(capabilities).toMatchObject({
      ...{ tools: { listChanged: true }, prompts: { listChanged: true } },
      ...{ resources: { subscribe: true, listChanged: true }, completions: {}, logging: {} },
    });
    expect(instructions).toStartWith("## old\n\n");
  });
});
