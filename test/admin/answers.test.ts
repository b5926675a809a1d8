import { describe, expect, test } from "bun:test";
import { type ListedItem, paths } from "../../src/admin/contract.ts";
import { routes } from "../../src/admin/routes.ts";
import { fault } from "../../src/base/errors.ts";
import { ask, ports } from "./kit.ts";

describe("answers", () => {
  test("a change is recorded before it happens, with the key that asked", async () => {
    const { admin, records, keys } = ports();
    admin.audit.admin = () => ({
      seq: 0,
      id: "",
      durable: Promise.reject(fault("GW_AUDIT_FULL", { message: "full" })),
    });
    const found = await ask(admin, "POST", paths.keys, "admin", { name: "x", roles: ["viewer"] });
    expect([found.status, found.body.code, keys.length]).toEqual([503, "GW_AUDIT_FULL", 4]);
    expect(records).toEqual([]);
  });

  test("errors carry code, message, cause and fix", async () => {
    const { admin } = ports();
    const found = await ask(admin, "POST", paths.reload);
    expect(found.body).toEqual({
      code: "GW_KEY_MISSING",
      message: "This needs a key with the role admin",
      cause: "",
      fix: expect.stringContaining("--key-file"),
    });
  });

  test("O11 what breaks inside does not tell paths", async () => {
    const found = await ask(ports({ broken: true }).admin, "GET", paths.status);
    expect([found.status, found.body.code]).toEqual([500, "GW_INTERNAL"]);
    expect(JSON.stringify(found.body)).not.toContain("secret");
  });

  const wrong: readonly (readonly [string, string, unknown, number])[] = [
    ["GET", "/v1/nothing", undefined, 404],
    ["DELETE", paths.keys, undefined, 405],
    ["POST", paths.keys, "{", 400],
    ["POST", paths.keys, "[]", 422],
    ["POST", paths.keys, { roles: ["viewer"] }, 422],
    ["POST", paths.keys, { name: "x", roles: "viewer" }, 422],
    ["POST", paths.keys, { name: "x", roles: ["viewer"], expires_in_ms: -1 }, 422],
    ["POST", paths.keys, { name: "x", roles: ["viewer"], expires_in_ms: 0 }, 422],
    ["POST", paths.keys, "x".repeat(70_000), 413],
    ["POST", paths.serverRetry, {}, 422],
    ["POST", paths.serverRetry, { server: "gti" }, 400],
    ["POST", paths.callCancel, { call: "c-9" }, 404],
    ["POST", paths.callCancel, { call: "c-1", reason: 5 }, 422],
    ["POST", paths.callExtend, { call: "c-1" }, 422],
    ["POST", paths.callExtend, { call: "c-1", ms: 1e12 }, 422],
    ["GET", `${paths.receipts}?limit=0`, undefined, 422],
    ["GET", `${paths.receipts}?before=yesterday`, undefined, 422],
    ["GET", `${paths.receipt}?id=r-9-9`, undefined, 404],
    ["GET", `${paths.tools}?key=nobody`, undefined, 400],
  ];
  for (const [method, path, body, status] of wrong) {
    test(`${method} ${path} with ${String(JSON.stringify(body)).slice(0, 40)}: ${status}`, async () => {
      const found = await ask(ports().admin, method, path, "admin", body);
      expect([found.status, found.body.fix]).toEqual([status, expect.not.stringMatching(agents)]);
    });
  }

  // What an agent could do about it helps nobody here.
  const agents = /\/mcp|initialize|JSON-RPC|role executor|limits\.|`hosts`|tools again/;

  test("who may not is told the role that may, not the agents'", async () => {
    for (const { method, path, may } of routes) {
      const role = { read: "viewer", operate: "operator" }[may as string] ?? "admin";
      for (const key of ["executor", "nobody"]) {
        const body = method === "GET" ? undefined : {};
        const found = await ask(ports().admin, method, path, key, body);
        const fix = `use another key, or make one with \`authensor-gw keys create --role ${role} --name NAME\``;
        expect([path, found.body.code, found.body.fix]).toEqual([
          path,
          key === "executor" ? "GW_ROLE" : "GW_KEY_UNKNOWN",
          fix,
        ]);
      }
    }
  });

  test("prompts, resources and templates say it too, and are no tools", async () => {
    const { admin } = ports();
    const listed = await ask(admin, "GET", `${paths.items}?key=executor`);
    const rows = listed.body.map((one: ListedItem) => [one.kind, one.item, one.visible]);
    expect(rows).toEqual([
      ["prompt", "files/ask", "deny"],
      ["resource", "file:///a", "deny"],
      ["template", "file:///{+a}", null],
    ]);
    expect(listed.body[2].held_back).toBe('"other" has it already');
    const why = async (item: string) =>
      (await ask(admin, "GET", `${paths.itemWhy}?item=${encodeURIComponent(item)}&key=executor`))
        .body;
    expect(await why("files/ask")).toMatchObject({
      ...{
        kind: "prompt",
        visible: false,
        why: expect.stringMatching(/^No rule .* this key: add one .*reload$/),
      },
    });
    expect((await why("file:///{+a}")).why).toBe('It is held back: "other" has it already');
    expect((await why("file:///b")).why).toBe("No server lists it; did you mean file:///a?");
    expect((await why("")).kind).toBeNull();
    const tools = await ask(admin, "GET", paths.tools);
    expect(JSON.stringify(tools.body)).not.toContain("file:///");
  });

  test("tools say what a key sees, and why not", async () => {
    const { admin } = ports();
    const listed = await ask(admin, "GET", `${paths.tools}?key=executor`);
    expect(listed.body).toEqual([
      {
        tool: "files/delete",
        exposed: "files__delete",
        visible: "deny",
        held_back: null,
        by: [{ rule: expect.any(String), effect: "deny", at: expect.stringMatching(/p\.yaml:3$/) }],
        declared: [],
      },
      {
        tool: "files/odd",
        exposed: "",
        visible: null,
        held_back: "its schema is too large",
        by: [],
        declared: [],
      },
      {
        tool: "files/read",
        exposed: "files__read",
        visible: "allow",
        held_back: null,
        by: [expect.objectContaining({ effect: "allow" })],
        declared: [],
      },
    ]);
    const why = async (tool: string) =>
      (await ask(admin, "GET", `${paths.why}?tool=${tool}&key=executor`)).body;
    expect(await why("files/read")).toMatchObject({ visible: true });
    expect(await why("files/delete")).toMatchObject({
      visible: false,
      why: expect.stringContaining("p.yaml:3"),
    });
    expect((await why("files/odd")).why).toContain("held back: its schema");
    expect((await why("files__read")).why).toContain("did you mean files/read?");
    expect((await why("git/log")).why).toContain("backoff: refused");
    expect((await why("none/log")).why).toBe(
      'No server is called "none"; `authensor-gw tools list` names all',
    );
    expect((await why("fils/raed")).why).toContain("did you mean files/read?");
    expect((await why("files/raed")).why).toBe(
      "The server offers no such tool; did you mean files/read?",
    );
    expect((await why("files/quite_another")).why).toContain("`authensor-gw tools list` names all");
    expect((await why("got/log")).why).toContain("did you mean the server git?");
  });

  test("receipts pass their filters on", async () => {
    const query = "?limit=7&key=a&tool=files/read&outcome=ok&before=2026-01-01T00:00:00Z";
    const found = await ask(ports().admin, "GET", paths.receipts + query);
    expect(found.body).toEqual([
      { limit: 7, key: "a", tool: "files/read", outcome: "ok", beforeMs: Date.UTC(2026, 0, 1) },
    ]);
  });
});
