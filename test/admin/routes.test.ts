import { describe, expect, test } from "bun:test";
import { paths } from "../../src/admin/contract.ts";
import { type AdminPorts, createAdmin, routes } from "../../src/admin/routes.ts";
import { fault } from "../../src/base/errors.ts";
import { no, ok } from "../../src/base/result.ts";
import { readPolicy } from "../../src/policy/read.ts";
import type { KeyRow } from "../../src/store/store.ts";

function row(name: string, roles: readonly string[]): KeyRow {
  return {
    id: `k-${name}`,
    name,
    roles,
    tokenHash: "",
    createdMs: 0,
    expiresMs: null,
    revokedMs: null,
  };
}

const usualLevel = { level: "info", untilMs: null, server: null, key: null } as const;
const people = ["executor", "viewer", "operator", "admin"] as const;

/** Ports of a gateway with one key of each role, whose token is the role's name. */
function ports(options: { keys?: KeyRow[]; broken?: boolean } = {}) {
  const keys = options.keys ?? people.map((role) => row(role, [role]));
  const records: string[] = [];
  const loaded = readPolicy([
    { name: "p.yaml", text: 'id: p\nallow: ["files/*"]\ndeny: ["files/delete"]\n' },
  ]);
  if (!loaded.ok) throw new Error("the policy of this test does not load");
  const made = (name: string, roles: readonly string[]) => {
    const key = row(name, roles);
    keys.push(key);
    return { row: key, token: "agw_new" };
  };
  const admin: AdminPorts = {
    status: () => {
      if (options.broken) throw new Error("/secret/path is broken");
      return { servers: [{ id: "git", state: "backoff", cause: "refused" }] } as never;
    },
    live: {
      snapshot: () => ({ seq: 1 }) as never,
      watch: () => new ReadableStream({ start: (controller) => controller.close() }),
    },
    logLevel: { current: () => usualLevel, set: () => usualLevel, reset: () => usualLevel },
    access: {
      authenticate(header) {
        const found = keys.find((key) => header === `Bearer ${key.name}`);
        if (found === undefined) return no(fault("GW_KEY_UNKNOWN", { message: "No such key" }));
        const { id: keyId, name: keyName, roles } = found;
        return ok({ keyId, keyName, roles, claims: {}, expiresMs: null });
      },
      list: () => keys,
      refresh: async () => {},
      create: async ({ name, roles }) => made(name, roles),
      revoke: async () => ({ rows: [row("gone", [])], stored: true }),
      rotate: async (name) => made(name, []),
    },
    audit: {
      admin(action, keyId, fields) {
        records.push(`${action} by ${keyId} ${JSON.stringify(fields)}`);
        return { seq: 0, id: "r-0-0", durable: Promise.resolve() };
      },
    },
    receipts: async (query) => [query as never],
    receipt: async (id) => (id === "r-1-1" ? { id, chain: "c", records: [] } : undefined),
    tools: () =>
      ["read", "delete"].map((name) => ({
        exposed: `files__${name}`,
        target: `files/${name}`,
        declared: new Set<string>(),
      })),
    quarantined: () => [{ server: "files", name: "odd", why: "its schema is too large" }],
    policy: () => loaded.value,
    reload: async (keyId) => {
      records.push(`reload by ${keyId}`);
    },
  };
  return { admin, records, keys };
}

async function ask(
  admin: AdminPorts,
  method: string,
  path: string,
  token?: string,
  body?: unknown,
) {
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const text =
    body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const request = new Request(`http://localhost${path}`, { method, headers, ...text });
  const response = await createAdmin(admin).fetch(request);
  const said = await response.text();
  const answer = said === "" ? undefined : JSON.parse(said);
  return { status: response.status, body: answer, headers: response.headers };
}

const bodies: Readonly<Record<string, unknown>> = {
  [`POST ${paths.keys}`]: { name: "n", roles: ["executor"] },
  [`POST ${paths.revoke}`]: { key: "n" },
  [`POST ${paths.rotate}`]: { key: "n" },
  [`POST ${paths.reload}`]: {},
  [`POST ${paths.logLevel}`]: { level: "debug", for_ms: 1000 },
};

/** Status for: no key, an unknown key, executor, viewer, operator, admin. */
const read = [200, 401, 403, 200, 200, 200];
const operate = [401, 401, 403, 403, 200, 200];
const adminOnly = [401, 401, 403, 403, 403, 200];
const matrix: Readonly<Record<string, readonly number[]>> = {
  [`GET ${paths.status}`]: read,
  [`GET ${paths.snapshot}`]: read,
  [`GET ${paths.events}`]: read,
  [`GET ${paths.keys}`]: read,
  [`POST ${paths.keys}`]: adminOnly,
  [`POST ${paths.revoke}`]: adminOnly,
  [`POST ${paths.rotate}`]: adminOnly,
  [`GET ${paths.tools}`]: read,
  [`GET ${paths.why}`]: read,
  [`GET ${paths.receipts}`]: read,
  [`GET ${paths.receipt}`]: read,
  [`POST ${paths.reload}`]: adminOnly,
  [`GET ${paths.logLevel}`]: read,
  [`POST ${paths.logLevel}`]: operate,
};

describe("who may", () => {
  test("F12 every route has a row of this matrix, and every path of the contract a route", () => {
    expect(routes.map((route) => `${route.method} ${route.path}`).sort()).toEqual(
      Object.keys(matrix).sort(),
    );
    expect([...new Set(routes.map((route) => route.path))].sort()).toEqual(
      Object.values(paths).sort() as string[],
    );
  });

  for (const [route, statuses] of Object.entries(matrix)) {
    const [method = "", path = ""] = route.split(" ");
    const query = { [paths.why]: "?tool=files/read&key=viewer", [paths.receipt]: "?id=r-1-1" }[
      path
    ];
    for (const [index, who] of [undefined, "nobody", ...people].entries()) {
      test(`F12 ${route} with ${who ?? "no key"} answers ${statuses[index]}`, async () => {
        const { admin, records } = ports();
        const found = await ask(admin, method, path + (query ?? ""), who, bodies[route]);
        expect(found.status).toBe(statuses[index]!);
        if (found.status >= 400) expect(records).toEqual([]);
      });
    }
  }

  test("F12 while no admin key lives, a key can be made without one, and only then", async () => {
    const body = { name: "admin", roles: ["admin"] };
    const { admin, records } = ports({ keys: [row("agent", ["executor"])] });
    expect((await ask(admin, "POST", paths.keys, "agent", body)).status).toBe(403);
    expect((await ask(admin, "POST", paths.revoke, undefined, { key: "agent" })).status).toBe(401);
    expect((await ask(admin, "POST", paths.keys, undefined, body)).status).toBe(200);
    expect((await ask(admin, "POST", paths.keys, undefined, body)).status).toBe(401);
    expect(records).toEqual(['key.create by socket {"name":"admin","roles":["admin"]}']);
  });

  test("a revoked or expired admin key counts as none", async () => {
    const gone = { ...row("a", ["admin"]), revokedMs: 1 };
    const past = { ...row("b", ["admin"]), expiresMs: 1 };
    const { admin } = ports({ keys: [gone, past] });
    const body = { name: "admin", roles: ["admin"] };
    expect((await ask(admin, "POST", paths.keys, undefined, body)).status).toBe(200);
  });
});

describe("a key that ends while its request waits", () => {
  function parked(path: string, content: object) {
    let finish = () => {};
    const bytes = new TextEncoder().encode(JSON.stringify(content));
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.subarray(0, -1));
        finish = () => {
          controller.enqueue(bytes.subarray(-1));
          controller.close();
        };
      },
    });
    const headers = { authorization: "Bearer admin" };
    const request = new Request(`http://localhost${path}`, { method: "POST", headers, body });
    return { request, finish };
  }
  const changes: [string, object][] = [
    [paths.keys, { name: "backdoor", roles: ["admin"] }],
    [paths.revoke, { key: "viewer" }],
    [paths.rotate, { key: "viewer" }],
    [paths.reload, {}],
  ];

  test.each(changes)("F11 F12 %s: its body comes after the end", async (path, content) => {
    const { admin, records, keys } = ports();
    const { request, finish } = parked(path, content);
    const answer = createAdmin(admin).fetch(request);
    await Bun.sleep(1);
    keys.splice(3, 1);
    finish();
    expect((await answer).status).toBe(401);
    expect([records, keys.length]).toEqual([[], 3]);
  });

  test.each([changes[0]!, changes[2]!])(
    "F11 F12 %s: it ends while the receipt is written",
    async (path, content) => {
      const { admin, keys } = ports();
      admin.audit.admin = () => {
        keys.splice(3, 1);
        return { seq: 0, id: "", durable: Promise.resolve() };
      };
      expect((await ask(admin, "POST", path, "admin", content)).status).toBe(401);
      expect(keys.length).toBe(3);
    },
  );

  test("F12 of two first keys that wait for their bodies one is made", async () => {
    const { admin, keys } = ports({ keys: [] });
    const fetching = createAdmin(admin);
    const ways = ["a", "b"].map((name) => parked(paths.keys, { name, roles: ["admin"] }));
    const answers = ways.map(({ request }) => {
      request.headers.delete("authorization");
      return fetching.fetch(request);
    });
    await Bun.sleep(1);
    for (const { finish } of ways) {
      finish();
      await Bun.sleep(1);
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 401]);
    expect(keys.map(({ name }) => name)).toEqual(["a"]);
  });

  test("R5 a body that does not end is given up", async () => {
    const { request } = parked(paths.reload, {});
    const answer = await createAdmin({ ...ports().admin, bodyMs: 20 }).fetch(request);
    expect([answer.status, answer.headers.get("connection")]).toEqual([408, "close"]);
    expect(((await answer.json()) as { code: string }).code).toBe("GW_BODY_SLOW");
  });
});

describe("M2 a receipt that cannot be written", () => {
  const fails = () => {
    const all = ports();
    const ended: string[] = [];
    all.admin.access.revoke = async (key) => {
      ended.push(key);
      return { rows: [row(key, [])], stored: true };
    };
    all.admin.audit.admin = () => ({
      seq: 0,
      id: "",
      durable: Promise.reject(fault("GW_AUDIT_UNAVAILABLE", { message: "The spool failed" })),
    });
    return { ...all, ended };
  };

  test("F11 keeps no key alive, and the answer says what happened", async () => {
    const { admin, ended } = fails();
    const found = await ask(admin, "POST", paths.revoke, "admin", { key: "viewer" });
    expect(ended).toEqual(["viewer"]);
    expect([found.status, found.body]).toEqual([
      503,
      {
        code: "GW_AUDIT_UNAVAILABLE",
        message: 'Key "viewer" is revoked, but no receipt says so',
        cause: "The spool failed",
        fix: expect.any(String),
      },
    ]);
  });

  test("makes no key, and the answer says that the old one lives", async () => {
    const { admin, keys } = fails();
    const found = await ask(admin, "POST", paths.rotate, "admin", { key: "viewer" });
    expect([found.status, keys.length]).toEqual([503, 4]);
    expect(found.body.message).toBe('Key "viewer" is not rotated, its token still works');
    expect(found.body.fix).toContain("keys revoke");
  });

  test("a key that is not there leaves none behind", async () => {
    const { admin, records } = ports();
    admin.access.revoke = async () => {
      throw fault("GW_NAME", { message: "There is no key" });
    };
    expect((await ask(admin, "POST", paths.revoke, "admin", { key: "x" })).status).toBe(400);
    expect(records).toEqual([]);
  });

  test("a disk that is full: it is said that the key ended in memory only", async () => {
    const { admin } = ports();
    admin.access.revoke = async () => {
      throw fault("GW_DATA_DIR", { message: "Cannot use keys.snapshot", cause: "ENOSPC" });
    };
    const found = await ask(admin, "POST", paths.revoke, "admin", { key: "x" });
    expect([found.body.code, found.body.message, found.body.cause]).toEqual([
      "GW_DATA_DIR",
      'Key "x" is revoked in this process, but not on disk',
      "Cannot use keys.snapshot: ENOSPC",
    ]);
  });
});

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
    ["POST", paths.keys, "x".repeat(70_000), 413],
    ["GET", `${paths.receipts}?limit=0`, undefined, 422],
    ["GET", `${paths.receipts}?before=yesterday`, undefined, 422],
    ["GET", `${paths.receipt}?id=r-9-9`, undefined, 404],
    ["GET", `${paths.tools}?key=nobody`, undefined, 400],
  ];
  for (const [method, path, body, status] of wrong) {
    test(`${method} ${path} with ${String(JSON.stringify(body)).slice(0, 40)}: ${status}`, async () => {
      expect((await ask(ports().admin, method, path, "admin", body)).status).toBe(status);
    });
  }

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
    expect((await why("none/log")).why).toContain('No server is called "none"');
  });

  test("receipts pass their filters on", async () => {
    const query = "?limit=7&key=a&tool=files/read&outcome=ok&before=2026-01-01T00:00:00Z";
    const found = await ask(ports().admin, "GET", paths.receipts + query);
    expect(found.body).toEqual([
      { limit: 7, key: "a", tool: "files/read", outcome: "ok", beforeMs: Date.UTC(2026, 0, 1) },
    ]);
  });
});
