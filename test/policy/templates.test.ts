import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { parse } from "yaml";
import { templates } from "../../policies/index.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { Effect } from "../../src/policy/model.ts";
import { ask, load } from "./kit.ts";

interface Cases {
  readonly tools: Record<string, Record<string, Effect>>;
  readonly calls: readonly { call: string; args: JsonObject; want: Effect; code?: string }[];
}

const root = new URL("../../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "policy-"));
/** Server id, tool name, declared arguments: as the real servers list them. */
const real = new Map<string, Map<string, readonly string[]>>();

beforeAll(async () => {
  const servers: readonly [string, string, ...string[]][] = [
    ["everything", "server-everything"],
    ["files", "server-filesystem", folder],
    ["memory", "server-memory"],
  ];
  await Promise.all(
    servers.map(async ([id, name, ...args]) => {
      const script = join(root, "node_modules/@modelcontextprotocol", name, "dist/index.js");
      const client = new Client({ name: "test", version: "1" });
      const env = { PATH: process.env["PATH"] ?? "", MEMORY_FILE_PATH: join(folder, "m.json") };
      const command = process.execPath;
      const start = { command, args: [script, ...args], env, stderr: "ignore" as const };
      await client.connect(new StdioClientTransport(start));
      const { tools } = await client.listTools();
      const entries = tools.map(
        (tool) => [tool.name, Object.keys(tool.inputSchema.properties ?? {})] as const,
      );
      real.set(id, new Map(entries));
      await client.close();
    }),
  );
}, 30_000);

afterAll(() => rmSync(folder, { recursive: true }));

test("the index carries every template with its text", () => {
  const files = readdirSync(join(root, "policies")).filter((name) => name.endsWith(".yaml"));
  expect(templates.map((one) => `${one.name}.yaml`).sort()).toEqual(files.sort());
  for (const { name, text } of templates) {
    expect(text).toBe(readFileSync(join(root, "policies", `${name}.yaml`), "utf8"));
    expect(text).toContain(`id: ${name}`);
    for (const heading of ["# For: ", "# Allows: ", "# Asks: "]) expect(text).toContain(heading);
  }
});

for (const { name, text } of templates) {
  describe(`template ${name}`, () => {
    const file = join(root, "test/cases/policy", `${name}.yaml`);
    const cases = parse(readFileSync(file, "utf8")) as Cases;
    const policy = load(text);

    test("each tool of the real servers has its effect", () => {
      for (const [server, tools] of real) {
        expect(Object.keys(cases.tools[server] ?? {}).sort()).toEqual([...tools.keys()].sort());
        for (const [tool, declared] of tools) {
          const { effect } = ask(policy, `${server}/${tool}`, {}, { declared });
          const wanted = cases.tools[server]?.[tool] as Effect;
          expect([server, tool, effect]).toEqual([server, tool, wanted]);
        }
      }
    });

    test("single calls", () => {
      for (const { call, args, want, code } of cases.calls) {
        const [server, tool] = call.split("/") as [string, string];
        const declared = real.get(server)?.get(tool) ?? [];
        const decision = ask(policy, call, args, { declared });
        expect([call, decision.effect, decision.code]).toEqual([call, want, code]);
      }
    });
  });
}

test("P19 no template speaks of annotations in its rules", () => {
  for (const { text } of templates) {
    const rules = text
      .split("\n")
      .filter((line) => !line.startsWith("#"))
      .join("\n");
    expect(rules).not.toContain("Hint");
    expect(rules).not.toContain("annotations");
  }
});
