import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { paths } from "../../src/admin/contract.ts";
import { createAdmin, routes } from "../../src/admin/routes.ts";
import { fault } from "../../src/base/errors.ts";
import { ask, peer, people, ports, row } from "./kit.ts";

const bodies: Readonly<Record<string, unknown>> = {
  [`POST ${paths.keys}`]: { name: "n", roles: ["executor"] },
  [`POST ${paths.revoke}`]: { key: "n" },
  [`POST ${paths.rotate}`]: { key: "n" },
  [`POST ${paths.reload}`]: {},
  [`POST ${paths.serverRetry}`]: { server: "git" },
  [`POST ${paths.serverRestart}`]: { server: "git" },
  [`POST ${paths.serverEnable}`]: { server: "git" },
  [`POST ${paths.serverDisable}`]: { server: "git" },
  [`POST ${paths.callCancel}`]: { call: "c-1" },
  [`POST ${paths.callExtend}`]: { call: "c-1", ms: 1000 },
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
  [`POST ${paths.serverRetry}`]: operate,
  [`POST ${paths.serverRestart}`]: operate,
  [`POST ${paths.serverEnable}`]: operate,
  [`POST ${paths.serverDisable}`]: operate,
  [`POST ${paths.callCancel}`]: operate,
  [`POST ${paths.callExtend}`]: operate,
  [`GET ${paths.keys}`]: read,
  [`POST ${paths.keys}`]: adminOnly,
  [`POST ${paths.revoke}`]: adminOnly,
  [`POST ${paths.rotate}`]: adminOnly,
  [`GET ${paths.tools}`]: read,
  [`GET ${paths.why}`]: read,
  [`GET ${paths.items}`]: read,
  [`GET ${paths.itemWhy}`]: read,
  [`GET ${paths.receipts}`]: read,
  [`GET ${paths.receipt}`]: read,
  [`POST ${paths.reload}`]: adminOnly,
  [`GET ${paths.logLevel}`]: read,
  [`POST ${paths.logLevel}`]: operate,
};

describe("who may", () => {
  test("F12 U6 every route has a row of this matrix, and every path of the contract a route", () => {
    expect(routes.map((route) => `${route.method} ${route.path}`).sort()).toEqual(
      Object.keys(matrix).sort(),
    );
    expect([...new Set(routes.map((route) => route.path))].sort()).toEqual(
      Object.values(paths).sort() as string[],
    );
  });

  test("every route is in docs/admin.md with who may, and no other", () => {
    const text = readFileSync(join(import.meta.dirname, "../../docs/admin.md"), "utf8");
    const rows = [...text.matchAll(/^\| `((?:GET|POST) \S+)` \| (\S+) \|/gm)];
    expect(rows.map(([, route, may]) => `${route} ${may}`).sort()).toEqual(
      routes.map(({ method, path, may }) => `${method} ${path} ${may}`).sort(),
    );
  });

  for (const [route, statuses] of Object.entries(matrix)) {
    const [method = "", path = ""] = route.split(" ");
    const query = {
      [paths.why]: "?tool=files/read&key=viewer",
      [paths.itemWhy]: "?item=files/ask&key=viewer",
      [paths.receipt]: "?id=r-1-1",
    }[path];
    for (const [index, who] of [undefined, "nobody", ...people].entries()) {
      test(`F12 ${route} with ${who ?? "no key"} answers ${statuses[index]}`, async () => {
        const { admin, records } = ports();
        const found = await ask(admin, method, path + (query ?? ""), who, bodies[route]);
        expect(found.status).toBe(statuses[index]!);
        if (found.status >= 400) expect(records).toEqual([]);
      });
    }
  }

  for (const [route, statuses] of Object.entries(matrix)) {
    test(`F12 on the port ${route} needs a key, also to read`, async () => {
      const [method = "", path = ""] = route.split(" ");
      const port = { ...peer, address: () => "127.0.0.1" };
      const { admin, records } = ports();
      const bare = await ask(admin, method, path, undefined, bodies[route], port);
      expect([bare.status, records]).toEqual([401, []]);
      expect((await ask(admin, method, path, "executor", bodies[route], port)).status).toBe(403);
      if ([paths.why, paths.itemWhy, paths.receipt].some((one) => one === path)) return;
      const keyed = await ask(admin, method, path, "admin", bodies[route], port);
      expect(keyed.status).toBe(statuses.at(-1)!);
    });
  }

  test("F12 the first key is not made on the port", async () => {
    const { admin, keys } = ports({ keys: [] });
    const port = { ...peer, address: () => "127.0.0.1" };
    const body = { name: "admin", roles: ["admin"] };
    expect((await ask(admin, "POST", paths.keys, undefined, body, port)).status).toBe(401);
    expect(keys).toEqual([]);
  });

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
    [paths.serverDisable, { server: "git" }],
    [paths.callCancel, { call: "c-1" }],
  ];

  test.each(changes)("F11 F12 %s: its body comes after the end", async (path, content) => {
    const { admin, records, keys } = ports();
    const { request, finish } = parked(path, content);
    const answer = createAdmin(admin).fetch(request, peer);
    await Bun.sleep(1);
    keys.splice(3, 1);
    finish();
    expect((await answer).status).toBe(401);
    expect([records, keys.length]).toEqual([[], 3]);
  });

  test.each([changes[0]!, changes[2]!, changes[4]!, changes[5]!])(
    "F11 F12 %s: it ends while the receipt is written",
    async (path, content) => {
      const { admin, keys, records } = ports();
      admin.audit.admin = () => {
        keys.splice(3, 1);
        return { seq: 0, id: "", durable: Promise.resolve() };
      };
      expect((await ask(admin, "POST", path, "admin", content)).status).toBe(401);
      expect([keys.length, records]).toEqual([3, []]);
    },
  );

  test("F12 of two first keys that wait for their bodies one is made", async () => {
    const { admin, keys } = ports({ keys: [] });
    const fetching = createAdmin(admin);
    const ways = ["a", "b"].map((name) => parked(paths.keys, { name, roles: ["admin"] }));
    const answers = ways.map(({ request }) => {
      request.headers.delete("authorization");
      return fetching.fetch(request, peer);
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
    const answer = await createAdmin({ ...ports().admin, bodyMs: 20 }).fetch(request, peer);
    expect([answer.status, answer.headers.get("connection")]).toEqual([408, "close"]);
    expect(((await answer.json()) as { code: string }).code).toBe("GW_BODY_SLOW");
  });
});

describe("a receipt that cannot be written", () => {
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
