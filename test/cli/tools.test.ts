/** tools list and tools why over a real server that has every kind of item. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ListedItem } from "../../src/admin/contract.ts";
import { legacyAgent } from "../kit/clients.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { everything } from "../kit/servers.ts";

let gateway: TestGateway;

const policy = `id: p
allow: ["all/*"]
rules:
  - {id: docs, effect: allow, resources: ["demo://resource/static/*"]}
  - {id: prompts, effect: allow, prompts: ["all/simple-*"]}
`;

beforeAll(async () => {
  const config = { servers: { all: { ...everything() } } };
  gateway = await startGateway({ program: "bun", policy, config });
  await gateway.key("executor");
  const agent = await legacyAgent(gateway.url, await gateway.key("executor"));
  await agent.listTools();
  await agent.close();
}, 30_000);
afterAll(() => gateway?.[Symbol.asyncDispose](), 20_000);

const cli = (line: string) => gateway.cli(...line.split(" "));

async function items(more = ""): Promise<ListedItem[]> {
  const { stdout } = await cli(`tools list --kind all --json${more}`);
  const lines = stdout.split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

async function keyName(): Promise<string> {
  const { stdout } = await cli("keys list --json");
  const rows = stdout.split("\n").filter(Boolean);
  const keys = rows.map((line) => JSON.parse(line) as { name: string; roles: string[] });
  return keys.find(({ roles }) => roles.includes("executor"))?.name ?? "";
}

test("prompts, resources and templates are listed apart from tools", async () => {
  const all = await items();
  const kinds = new Set(all.map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual(["prompt", "resource", "template"]);
  const { stdout: tools } = await cli("tools list --json");
  expect(tools).toContain('"all/echo"');
  expect(tools).not.toContain("demo://");
  expect(tools).not.toContain("simple-prompt");
  const { stdout: prompts } = await cli("tools list --kind prompt");
  expect(prompts).toContain("all__simple-prompt");
  expect(prompts).not.toContain("demo://");
});

test("--key says what that key sees of them", async () => {
  const seen = new Map(
    (await items(` --key ${await keyName()}`)).map(({ item, visible }) => [item, visible]),
  );
  expect(seen.get("all/simple-prompt")).toBe("allow");
  expect(seen.get("all/args-prompt")).toBe("deny");
  expect([...seen].find(([item]) => item.startsWith("demo://resource/static/"))?.[1]).toBe("allow");
  expect(seen.get("demo://resource/dynamic/text/{resourceId}")).toBe("deny");
});

test("tools why takes a prompt and a URI; exit 0 visible, 1 not", async () => {
  const as = `--as ${await keyName()}`;
  const uri = (await items()).find(({ kind }) => kind === "resource")?.item ?? "";
  const seen = await cli(`tools why ${uri} ${as}`);
  expect([seen.code, seen.stdout]).toEqual([0, expect.stringContaining('by rule "docs"')]);
  expect((await cli(`tools why all/simple-prompt ${as}`)).code).toBe(0);
  const hidden = await cli(`tools why all/args-prompt ${as}`);
  expect([hidden.code, hidden.stdout]).toEqual([1, expect.stringContaining("No rule")]);
  expect((await cli(`tools why all/echo ${as}`)).stdout).toContain('offered as "all__echo"');
  expect((await cli(`tools why all/nothing ${as}`)).stdout).toContain("offers no such tool");
  const { stdout: unlisted } = await cli(`tools why demo://resource/static/none ${as}`);
  expect(unlisted).toContain('No list names it, "all" gets it. It is offered');
  expect((await cli(`tools why demo://a/../b ${as}`)).stdout).toContain("No server lists it");
});

test("a kind that is none is told with those that are", async () => {
  const { code, stderr } = await cli("tools list --kind promt");
  expect([code, stderr]).toEqual([3, expect.stringContaining("tool, prompt, resource")]);
});

test("servers show and status count them, beside the tools", async () => {
  const { stdout } = await cli("servers show all");
  expect(stdout).toMatch(/offers +\d+ prompts, \d+ resources, 2 templates/);
  const status = JSON.parse((await cli("status --json")).stdout);
  expect(status.servers[0].items.prompts).toBeGreaterThan(0);
});
