import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { KeyAccess } from "../../src/access/keys.ts";
import { answer, codeOf, executor, type World, world } from "./kit.ts";

let at: World;
let keys: KeyAccess;
const folders: string[] = [];

beforeEach(async () => {
  at = world();
  folders.push(at.dataDir);
  keys = await at.open();
});
afterEach(() => keys.close());
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe("authenticate", () => {
  test("a key opens, with any case of the scheme", async () => {
    const { token, row } = await keys.create(executor);
    for (const scheme of ["Bearer", "bearer", "BEARER", "bEaReR"]) {
      const result = keys.authenticate(`${scheme} ${token}`);
      expect(result).toMatchObject({
        ok: true,
        value: { keyId: row.id, keyName: "agent", roles: ["executor"], expiresMs: null },
      });
    }
  });

  test("F11 an identity lives as long as its key", async () => {
    const identityOf = (token: string) => {
      const result = keys.authenticate(`Bearer ${token}`);
      if (!result.ok) throw result.error;
      return result.value;
    };
    const plain = await keys.create(executor);
    const brief = await keys.create({ ...executor, name: "b", expiresMs: at.clock.now() + 1_000 });
    const [one, two] = [identityOf(plain.token), identityOf(brief.token)];
    expect([keys.isLive(one), keys.isLive(two)]).toEqual([true, true]);
    expect(keys.isLive({ ...one, keyId: "k-0" })).toBe(false);
    expect(keys.isLive({ ...one, roles: ["executor", "admin"] })).toBe(false);
    await at.clock.pass(1_000);
    expect([keys.isLive(one), keys.isLive(two)]).toEqual([true, false]);
    // In the grace of a rotation the old one goes on.
    await keys.rotate(plain.row.id, { graceMs: 5_000 });
    expect(keys.isLive(one)).toBe(true);
    const ended = keys.revoke(plain.row.id);
    expect(keys.isLive(one)).toBe(false);
    await ended;
  });

  test("F6 an empty key store lets nobody in", () => {
    expect(answer(keys, `Bearer agw_${"A".repeat(43)}`)).toBe("GW_KEY_UNKNOWN");
    expect(answer(keys, null)).toBe("GW_KEY_MISSING");
    expect(answer(keys, "")).toBe("GW_KEY_MISSING");
  });

  test("F6 10,000 random tokens open nothing", async () => {
    await keys.create(executor);
    const codes = new Set<string>();
    for (let i = 0; i < 10_000; i++) {
      codes.add(answer(keys, `Bearer agw_${randomBytes(32).toString("base64url")}`));
    }
    expect([...codes]).toEqual(["GW_KEY_UNKNOWN"]);
  });

  test("F7 nothing that a header can hold reaches the store", async () => {
    const { token } = await keys.create(executor);
    const before = at.store.calls;
    const headers = [
      ...["' OR 1=1--", "Bearer a' UNION SELECT * FROM gateway_keys--", "Bearer ", "Bearer"],
      ...[`Bearer ${"a".repeat(1_000_000)}`, `Bearer agw_${"é".repeat(43)}`, "Bearer \u0000"],
      ...[`Bearer agw_${"A".repeat(42)}\u0000`, `Bearer agw_${"=".repeat(43)}`, `Basic ${token}`],
      ...[token, `Bearer  ${token}`, `Bearer ${token} `, ` Bearer ${token}`, `Bearer\t${token}`],
      ...[`Bearer ${token.toUpperCase()}`, `Bearer ${token}A`, `Bearer ${token.slice(0, -1)}`],
    ];
    for (const header of headers)
      expect([header, answer(keys, header)]).toEqual([header, "GW_KEY_UNKNOWN"]);
    expect(answer(keys, `Bearer ${token}`)).toBe("agent");
    expect(at.store.calls).toBe(before);
  });

  test("F7 what is not `Bearer <token>` is told so, in words that are none of its own", async () => {
    const { token } = await keys.create(executor);
    const messageOf = (header: string) => {
      const found = keys.authenticate(header);
      if (found.ok) throw new Error(`${header} was let in`);
      const { code, message, why, fix } = found.error;
      expect(JSON.stringify([message, why, fix])).not.toContain(token);
      expect([code, fix.includes("keys create")]).toEqual([
        "GW_KEY_UNKNOWN",
        message === "No key has this token",
      ]);
      return message;
    };
    const bad = [
      ...[token, `Basic ${token}`, `ApiKey ${token}`, `Bearer${token}`, "Bearer", "Bearer "],
      ...[`Bearer  ${token}`, `Bearer: ${token}`, `Bearer "${token}"`, `Bearer ${token},`],
      ...[`Bearer ${token}, Bearer ${token}`, `Bearer Bearer ${token}`, `Bearer\t${token}`],
    ];
    for (const header of bad) {
      expect([header, messageOf(header)]).toEqual([
        header,
        "The Authorization header is not `Bearer <token>`",
      ]);
    }
    for (const other of ["Bearer eyJh.bG~c+i/J=", `bearer ${token}A`, "BEARER agw_x"]) {
      expect([other, messageOf(other)]).toEqual([other, "No key has this token"]);
    }
    // One object: a flood pays for no stack traces.
    const [one, two] = [keys.authenticate("Basic YTpi"), keys.authenticate(token)];
    expect(one).toBe(two);
  });

  test("F8 a token is found by its digest only, and the digest is what is kept", async () => {
    const { token, row } = await keys.create(executor);
    expect(row.tokenHash).toBe(new Bun.CryptoHasher("sha256").update(token).digest("hex"));
    const kept = readdirSync(at.dataDir).map((file) =>
      readFileSync(join(at.dataDir, file), "utf8"),
    );
    expect(kept.join()).toContain(row.tokenHash);
    expect(kept.join()).not.toContain(token);
    expect(at.logged.join()).not.toContain(token);
    expect(answer(keys, `Bearer ${row.tokenHash}`)).toBe("GW_KEY_UNKNOWN");
  });

  test("F10 two credentials are none", async () => {
    const { token } = await keys.create(executor);
    const bad = `agw_${"B".repeat(43)}`;
    for (const pair of [
      `Bearer ${token}, Bearer ${bad}`,
      `Bearer ${bad}, Bearer ${token}`,
      `Bearer ${token}, Bearer ${token}`,
      `Bearer ${token},`,
    ]) {
      expect(answer(keys, pair)).toBe("GW_KEY_UNKNOWN");
    }
  });

  test("the cache of headers does not grow without end, nor outlive a change", async () => {
    const { token } = await keys.create(executor);
    const header = `Bearer ${token}`;
    expect(answer(keys, header)).toBe("agent");
    await keys.revoke("agent");
    expect(answer(keys, header)).toBe("GW_KEY_REVOKED");
  });

  test("an identity is one object while its key does not change", async () => {
    const { token } = await keys.create(executor);
    const identity = () => {
      const result = keys.authenticate(`Bearer ${token}`);
      if (!result.ok) throw result.error;
      return result.value;
    };
    const first = identity();
    await keys.create({ ...executor, name: "other" });
    await at.clock.pass(600);
    expect(identity()).toBe(first);
  });
});

describe("expiry", () => {
  test("is by the clock at each call, and ends streams", async () => {
    const gone: string[] = [];
    keys.onGone((ids) => gone.push(...ids));
    const { token, row } = await keys.create({ ...executor, expiresMs: at.clock.now() + 2000 });
    expect(answer(keys, `Bearer ${token}`)).toBe("agent");
    await at.clock.pass(1999);
    expect(answer(keys, `Bearer ${token}`)).toBe("agent");
    expect(gone).toEqual([]);
    await at.clock.pass(1);
    expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEY_EXPIRED");
    expect(gone).toEqual([row.id]);
  });
});

describe("revoke", () => {
  test("F11 is in force at once, ends streams, and 0 of 1,000 later calls pass", async () => {
    const gone: string[] = [];
    keys.onGone((ids) => gone.push(...ids));
    const { token, row } = await keys.create(executor);
    expect(answer(keys, `Bearer ${token}`)).toBe("agent");
    const done = keys.revoke("agent");
    expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEY_REVOKED");
    expect(gone).toEqual([row.id]);
    expect(await done).toMatchObject({ stored: true, rows: [{ id: row.id }] });
    let passed = 0;
    for (let i = 0; i < 1000; i++) if (answer(keys, `Bearer ${token}`) === "agent") passed++;
    expect(passed).toBe(0);
    expect((await at.store.keys())[0]?.revokedMs).toBe(at.clock.now());
  });

  test("F11 made by another process is seen within a refresh", async () => {
    const { token, row } = await keys.create(executor);
    await at.store.revokeKey(row.id, at.clock.now());
    await at.clock.pass(500);
    expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEY_REVOKED");
  });

  test("F11 an outage neither lets in nor shuts out", async () => {
    const [live, dead] = [
      await keys.create(executor),
      await keys.create({ ...executor, name: "b" }),
    ];
    await keys.revoke("b");
    at.store.down = true;
    for (let i = 0; i < 5; i++) await at.clock.pass(500);
    expect(answer(keys, `Bearer ${live.token}`)).toBe("agent");
    expect(answer(keys, `Bearer ${dead.token}`)).toBe("GW_KEY_REVOKED");
    expect(keys.status()).toMatchObject({
      source: "store",
      error: expect.stringContaining("down"),
    });
    at.store.down = false;
    await at.clock.pass(500);
    expect(keys.status()).toMatchObject({ source: "store", error: undefined });
  });

  test("F11 with the store away holds, over a restart, and reaches the store later", async () => {
    const { token, row } = await keys.create(executor);
    at.store.down = true;
    expect(await keys.revoke(row.id)).toMatchObject({ stored: false });
    expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEY_REVOKED");
    await keys.close();

    keys = await at.open();
    expect(keys.status().source).toBe("snapshot");
    expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEY_REVOKED");
    await keys.close();

    at.store.down = false;
    expect((await at.store.keys())[0]?.revokedMs).toBe(null);
    keys = await at.open();
    expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEY_REVOKED");
    expect((await at.store.keys())[0]?.revokedMs).not.toBe(null);
  });

  test("F11 that nothing can keep is said, and holds in memory", async () => {
    const { token } = await keys.create(executor);
    at.store.down = true;
    rmSync(at.dataDir, { recursive: true });
    expect(await codeOf(keys.revoke("agent"))).toBe("GW_DATA_DIR");
    expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEY_REVOKED");
  });

  test("of what does not exist is refused; twice by id is not", async () => {
    expect(await codeOf(keys.revoke("nobody"))).toBe("GW_NAME");
    const { row } = await keys.create(executor);
    await keys.revoke(row.id);
    expect((await keys.revoke(row.id)).rows[0]?.id).toBe(row.id);
    expect(await codeOf(keys.revoke("agent"))).toBe("GW_NAME");
  });
});

describe("create and rotate", () => {
  test("names and roles are checked", async () => {
    for (const name of ["", "a b", "k-1", "-x", "x".repeat(65), "a\u0000", "é", "a,b", "a\nb"]) {
      expect([name, await codeOf(keys.create({ ...executor, name }))]).toEqual([name, "GW_USAGE"]);
    }
    for (const roles of [[], ["root"], ["executor", "ADMIN"], ["__proto__"]]) {
      expect(await codeOf(keys.create({ ...executor, roles }))).toBe("GW_USAGE");
    }
    const { row } = await keys.create({ ...executor, roles: ["viewer", "admin", "viewer"] });
    expect(row.roles).toEqual(["admin", "viewer"]);
    expect(await codeOf(keys.create(executor))).toBe("GW_NAME");
  });

  test("tokens and ids differ and have their form", async () => {
    const made = [];
    for (let i = 0; i < 20; i++) made.push(await keys.create({ ...executor, name: `n${i}` }));
    expect(new Set(made.map(({ token }) => token)).size).toBe(20);
    for (const { token, row } of made) {
      expect(token).toMatch(/^agw_[A-Za-z0-9_-]{43}$/);
      expect(row.id).toMatch(/^k-[0-9a-f]{12}$/);
    }
  });

  test("rotate: the old token ends at once, or after its grace", async () => {
    const first = await keys.create({ ...executor, expiresMs: at.clock.now() + 10_000 });
    await at.clock.pass(4000);
    const second = await keys.rotate("agent", { graceMs: 1000 });
    expect(second.row.expiresMs).toBe(at.clock.now() + 10_000);
    expect(answer(keys, `Bearer ${first.token}`)).toBe("agent");
    expect(answer(keys, `Bearer ${second.token}`)).toBe("agent");
    await at.clock.pass(1000);
    expect(answer(keys, `Bearer ${first.token}`)).toBe("GW_KEY_EXPIRED");
    const third = await keys.rotate("agent");
    expect(answer(keys, `Bearer ${second.token}`)).toBe("GW_KEY_REVOKED");
    await at.clock.pass(600);
    expect(answer(keys, `Bearer ${second.token}`)).toBe("GW_KEY_REVOKED");
    expect(answer(keys, `Bearer ${third.token}`)).toBe("agent");
    expect(await codeOf(keys.rotate("nobody"))).toBe("GW_NAME");
  });

  test("rotate: an expired key lives again under a new token", async () => {
    await keys.create({ ...executor, expiresMs: at.clock.now() + 1000 });
    await at.clock.pass(5000);
    const { token } = await keys.rotate("agent");
    expect(answer(keys, `Bearer ${token}`)).toBe("agent");
  });

  test("rotate: a key that was over when it was made gives no other of that kind", async () => {
    await keys.create({ ...executor, expiresMs: at.clock.now() });
    expect(await codeOf(keys.rotate("agent"))).toBe("GW_NAME");
  });

  test("revoke by name ends the key in its grace too", async () => {
    const first = await keys.create(executor);
    const second = await keys.rotate("agent", { graceMs: 60_000 });
    expect((await keys.revoke("agent")).rows).toHaveLength(2);
    for (const { token } of [first, second]) {
      expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEY_REVOKED");
    }
  });

  test("a store that is away makes no key", async () => {
    at.store.down = true;
    expect(await codeOf(keys.create(executor))).toBe("GW_DATABASE");
    expect(keys.list()).toEqual([]);
  });
});
