/**
 * The main job with real parts: agents of both SDKs, through the compiled binary, to real servers
 * of both eras over both transports; receipts read back from SQLite and from Postgres.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import connect from "postgres";
import { legacyAgent, modernAgent, textOf } from "../kit/clients.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import {
  everything,
  everythingHttp,
  filesystem,
  type HttpServer,
  memory,
  modern,
} from "../kit/servers.ts";

const policy = `id: e2e
allow: ["everything/*", "web/*", "memory/*", "new/*"]
rules:
  - {id: files-read, effect: allow, tools: [files/read_text_file], other_args: any}
  - id: files-kept
    effect: deny
    tools: [files/write_file]
    hint: "files are read only: ask a person"
`;

type Agent = Awaited<ReturnType<typeof legacyAgent>> | Awaited<ReturnType<typeof modernAgent>>;

for (const kind of ["sqlite", "postgres"] as const) {
  describe(`receipts in ${kind}`, () => {
    let folder: string;
    let database: TestPostgres | undefined;
    let http: HttpServer[];
    let gateway: TestGateway;
    const agents: Record<string, Agent> = {};

    beforeAll(async () => {
      folder = realpathSync(mkdtempSync(join(tmpdir(), "gw-e2e-")));
      mkdirSync(join(folder, "files"));
      writeFileSync(join(folder, "files/a.txt"), "the content of a");
      database = kind === "postgres" ? await startPostgres({ durable: false }) : undefined;
      http = [await everythingHttp(), await modern()];
      const store = database && { url: database.adminUrl };
      gateway = await startGateway({
        policy,
        config: {
          ...(store === undefined ? {} : { database: store }),
          servers: {
            everything: everything(),
            files: filesystem(join(folder, "files")),
            memory: memory(join(folder, "memory.jsonl")),
            web: { url: http[0]?.url },
            new: { url: http[1]?.url },
          },
        },
      });
      const token = await gateway.key("executor", "agent");
      agents["legacy"] = await legacyAgent(gateway.url, token);
      agents["modern"] = await modernAgent(gateway.url, token);
    }, 60_000);

    afterAll(async () => {
      for (const agent of Object.values(agents)) await agent.close();
      await gateway?.[Symbol.asyncDispose]();
      for (const server of http ?? []) await server.stop();
      await database?.stop();
      rmSync(folder, { recursive: true, force: true });
    }, 30_000);

    for (const era of ["legacy", "modern"] as const) {
      test(`${era} agent sees the tools of five servers, and not the denied one`, async () => {
        const names = (await agents[era]!.listTools()).tools.map((tool) => tool.name);
        for (const server of ["everything", "files", "memory", "web", "new"]) {
          expect(names.some((name) => name.startsWith(`${server}__`))).toBe(true);
        }
        expect(names).toContain("files__read_text_file");
        expect(names).not.toContain("files__write_file");
        expect(names).not.toContain("files__move_file");
      });

      const calls: readonly [string, Record<string, unknown>, string][] = [
        ["everything__echo", { message: "hi" }, "hi"],
        ["web__echo", { message: "over http" }, "over http"],
        ["new__echo", { message: "to the modern one" }, "to the modern one"],
        ["memory__read_graph", {}, "entities"],
      ];
      for (const [name, args, seen] of calls) {
        test(`${era} agent calls ${name}`, async () => {
          const result = await agents[era]!.callTool({ name, arguments: args });
          expect(textOf(result)).toContain(seen);
          expect(result.isError ?? false).toBe(false);
        });
      }

      test(`${era} agent reads a file, and is denied the writing with the hint`, async () => {
        const path = join(folder, "files/a.txt");
        const read = await agents[era]!.callTool({
          name: "files__read_text_file",
          arguments: { path },
        });
        expect(textOf(read)).toContain("the content of a");
        const write = await agents[era]!.callTool({
          name: "files__write_file",
          arguments: { path, content: "x" },
        });
        expect(write.isError).toBe(true);
        expect(textOf(write)).toContain("files are read only");
        expect(textOf(write)).toContain("files-kept");
      });

      test(`${era} agent gets progress of a long call`, async () => {
        let seen = 0;
        const call = {
          name: "everything__trigger-long-running-operation",
          arguments: { duration: 0.4, steps: 4 },
        };
        const options = { onprogress: () => seen++ };
        // The two SDKs order the same arguments differently.
        const agent = agents[era]!;
        const result = await (agent instanceof LegacyClient
          ? agent.callTool(call, undefined, options)
          : agent.callTool(call, options));
        expect(result.isError ?? false).toBe(false);
        expect(seen).toBeGreaterThan(1);
      });
    }

    test("every call has its receipt, and they verify", async () => {
      await settled(gateway);
      const listed = await gateway.cli("receipts", "list", "--limit", "1000", "--json");
      const rows = listed.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      const calls = rows.filter((row) => row.key === "agent");
      expect(calls).toHaveLength(14);
      expect(calls.filter((row) => row.outcome === "ok")).toHaveLength(12);
      expect(calls.filter((row) => row.outcome === "denied")).toHaveLength(2);
      expect(calls.find((row) => row.outcome === "denied")).toMatchObject({
        tool: "files/write_file",
        effect: "deny",
        rule: "files-kept",
      });
      const verified = await gateway.cli("receipts", "verify");
      expect(verified.code).toBe(0);
    });

    if (kind === "postgres") {
      test("Postgres holds them with their exact bytes", async () => {
        const sql = connect(database!.adminUrl, { max: 1 });
        const rows = await sql`select kind, count(*)::int as n from receipts group by kind`;
        await sql.end();
        const counts = Object.fromEntries(rows.map((row) => [row["kind"], row["n"]]));
        expect(counts).toMatchObject({ intent: 12, outcome: 12, refusal: 2 });
      });
    }
  });
}

/** Waits until the store has everything. */
async function settled(gateway: TestGateway): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { stdout } = await gateway.cli("status", "--json");
    if (JSON.parse(stdout).audit.spoolRecords === 0) return;
    await Bun.sleep(50);
  }
}
