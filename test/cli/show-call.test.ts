import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { programCommand, startGateway } from "../kit/gateway.ts";

test("mode fast: a call is one record, and list, show and verify say what they say of two", async () => {
  await using gateway = await startGateway({
    program: "bun",
    config: {
      audit: { mode: "fast" },
      servers: { notes: { command: [...(await programCommand("bun")), "notes-server"] } },
    },
    policy: "id: t\nallow: [notes/write_note]\n",
  });
  const key = join(gateway.folder, "agent.key");
  writeFileSync(key, await gateway.key("executor", "agent"), { mode: 0o600 });
  const args = ["--key-file", key, "--args", '{"title":"a","body":"b"}'];
  const call = async () => {
    const made = await gateway.cli("tools", "call", "notes/write_note", ...args);
    expect([made.code, made.stderr]).toEqual([0, expect.any(String)]);
    const list = await gateway.cli("receipts", "list", "--outcome", "ok", "--json");
    const rows = list.stdout.trim().split("\n");
    const row = JSON.parse(rows[0] ?? "");
    return { count: rows.length, row, shown: await gateway.cli("receipts", "show", row.id) };
  };
  // On a busy machine one may take longer than the write waits.
  let last = await call();
  for (let more = 0; more < 20 && last.shown.stdout.includes("\nintent, "); more += 1) {
    last = await call();
  }
  const { count, row, shown } = last;
  expect(row).toMatchObject({ tool: "notes/write_note", outcome: "ok", key: "agent" });
  expect(row.result_bytes).toBeGreaterThan(0);
  expect(shown.stdout).toContain("\ncall, seq ");
  expect(shown.stdout).not.toContain("No outcome yet");
  expect(shown.stdout).toMatch(/^ {2}outcome +ok\n {2}took +\d\S* ms, server \d\S* ms\n/m);
  const verified = await gateway.cli("receipts", "verify");
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining(` ${count} call`)]);
});
