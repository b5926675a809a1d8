/** A Postgres that is away, on a real gateway: what is told, what is listed, what is pinned. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { programCommand, startGateway, type TestGateway } from "../kit/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({
    program: "bun",
    expectFailure: true, // it starts; only no key can be made before
    policy: "id: t\nallow: [notes/read_note]\n",
    config: { database: "postgres://me:hidden@127.0.0.1:1/x", servers: {} },
  });
  await gateway.child().says(/gateway is up/);
}, 30_000);
afterAll(async () => await gateway[Symbol.asyncDispose]());

describe("with a database that is away", () => {
  test("the log says why, and data_dir is not tied to it", () => {
    const line = gateway
      .stderr()
      .split("\n")
      .find((one) => one.includes("not reachable"));
    expect(JSON.parse(line ?? "{}")).toMatchObject({
      level: "error",
      code: "GW_DATABASE",
      error: expect.stringContaining("Cannot make the tables"),
      cause: expect.stringContaining("ECONNREFUSED"),
    });
    expect(gateway.stderr()).not.toContain("message_");
    expect(existsSync(join(gateway.folder, "data/store.json"))).toBe(false);
    expect(gateway.stderr()).not.toContain("hidden");
  });

  test("doctor says that nobody is let in, and does not take unread keys for none", async () => {
    const found = await gateway.cli("doctor", "--json");
    const { findings } = JSON.parse(found.stdout);
    expect(findings).toMatchObject(
      [
        { link: "gateway", code: "GW_KEYS_UNAVAILABLE", effect: /every agent is refused/ },
        { link: "gateway", code: "GW_DATABASE", effect: /^every agent is refused .*in the spool/ },
      ].map((one) => ({ ...one, effect: expect.stringMatching(one.effect) })),
    );
  });

  test("an agent is told who knows more, at whatever port", async () => {
    const headers = { authorization: "Bearer x", "content-type": "application/json" };
    const answer = await fetch(`${gateway.url}/mcp`, { method: "POST", headers, body: "{}" });
    const { error } = await answer.json();
    expect([error.code, error.fix]).toEqual([
      "GW_KEYS_UNAVAILABLE",
      expect.stringMatching(/^bring the database back: `authensor-gw doctor`/),
    ]);
    expect(error.fix).not.toContain("3100");
  });

  test("check says what a start without it means, and how it was refused", async () => {
    const note = /^A start goes on without the database, and lets nobody in until it answers: /m;
    const check = await gateway.cli("check");
    expect([check.code, check.stderr]).toEqual([0, expect.stringMatching(note)]);
    const text = check.stderr + check.stdout;
    expect(text).not.toContain("receipts wait");
  });

  test("status and /ready carry the reason", async () => {
    const status = await gateway.cli("status");
    expect([status.code, status.stdout]).toEqual([1, expect.stringMatching(/keys .*ECONNREFUSED/)]);
    const ready = await fetch(`${gateway.url}/ready`);
    expect([ready.status, await ready.text()]).toEqual([
      503,
      expect.stringContaining("ECONNREFUSED"),
    ]);
  });

  test("receipts list gives what waits on disk, says so, and exits 2", async () => {
    for (const runs of [true, false]) {
      if (!runs) await gateway.stop();
      const list = await gateway.cli("receipts", "list");
      expect([list.code, list.stdout]).toEqual([2, "No receipts.\n"]);
      expect(list.stderr).toContain("GW_DATABASE");
      expect(list.stderr).toContain("INCOMPLETE: the store does not answer");
    }
    expect((await gateway.cli("receipts", "show", "r-000000000000-1")).code).toBe(1);
  });

  test("stopped, doctor says what the next start would be", async () => {
    const found = await gateway.cli("doctor", "--json");
    const { findings } = JSON.parse(found.stdout);
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: "GW_DATABASE",
        effect: expect.stringMatching(/^the gateway starts without it, and refuses every agent/),
      }),
    );
  });

  test("what was called meanwhile is in the list", async () => {
    const command = [...(await programCommand("bun")), "notes-server"];
    await using open = await startGateway({
      program: "bun",
      policy: "id: t\nallow: [notes/read_note]\n",
      config: {
        auth: "none",
        database: "postgres://me@127.0.0.1:1/x",
        servers: { notes: { command } },
      },
    });
    let called = 1;
    for (let tries = 0; called !== 0 && tries < 50; tries++) {
      const args = ["--args", '{"title":"travel"}'];
      called = (await open.cli("tools", "call", "notes/read_note", ...args)).code ?? 1;
    }
    const list = await open.cli("receipts", "list", "--outcome", "ok", "--json");
    const rows = list.stdout.trim().split("\n");
    expect([list.code, rows.length]).toEqual([2, 1]);
    const { id, tool } = JSON.parse(rows[0] ?? "");
    expect(tool).toBe("notes/read_note");
    const shown = await open.cli("receipts", "show", id);
    expect([shown.code, shown.stdout]).toEqual([2, expect.stringContaining("outcome")]);
  }, 30_000);
});
