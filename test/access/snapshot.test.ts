/** What a start finds: store up or down, snapshot good, bad or missing. */

import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { KeyAccess } from "../../src/access/keys.ts";
import { GatewayError } from "../../src/base/errors.ts";
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

test("O2 with the store down: the snapshot serves, and its state is told", async () => {
  const { token } = await keys.create(executor);
  await keys.close();
  at.store.down = true;
  keys = await at.open();
  expect(answer(keys, `Bearer ${token}`)).toBe("agent");
  expect(keys.status()).toMatchObject({ source: "snapshot", keys: 1, refreshedMs: null });
  at.store.down = false;
  await at.clock.pass(500);
  expect(keys.status()).toMatchObject({ source: "store", error: undefined });
  expect(answer(keys, `Bearer ${token}`)).toBe("agent");
});

test("O2 with neither store nor snapshot nobody gets in until the store answers", async () => {
  const { token } = await keys.create(executor);
  await keys.close();
  rmSync(join(at.dataDir, "keys.snapshot"));
  at.store.down = true;
  keys = await at.open();
  expect(keys.status().source).toBe("none");
  expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEYS_UNAVAILABLE");
  expect(answer(keys, null)).toBe("GW_KEY_MISSING");
  at.store.down = false;
  await at.clock.pass(500);
  expect(answer(keys, `Bearer ${token}`)).toBe("agent");
  expect(existsSync(join(at.dataDir, "keys.snapshot"))).toBe(true);
});

test("O2 a snapshot that was edited, cut or is of another place serves nobody", async () => {
  const { token } = await keys.create(executor);
  await keys.close();
  const path = join(at.dataDir, "keys.snapshot");
  const good = readFileSync(path, "utf8");
  const damaged: [string, string][] = [
    ["role", good.replace("executor", "admin")],
    ["half", good.slice(0, good.length / 2)],
    ["empty", ""],
    ["unsigned", good.slice(good.indexOf("\n"))],
    ["signature", `${"0".repeat(64)}${good.slice(64)}`],
    ["added", `${good} `],
  ];
  at.store.down = true;
  for (const [what, text] of damaged) {
    writeFileSync(path, text);
    keys = await at.open();
    expect([what, keys.status().source]).toEqual([what, "none"]);
    expect(keys.status().error).toStartWith("GW_SNAPSHOT");
    expect(answer(keys, `Bearer ${token}`)).toBe("GW_KEYS_UNAVAILABLE");
    await keys.close();
  }
  writeFileSync(path, good);
  keys = await at.open({ store: { ...at.store, place: "elsewhere", keysVersion: refused } });
  expect(keys.status().source).toBe("none");
});

test("O4 a signing key that others can read is refused; all files are 0600", async () => {
  await keys.create(executor);
  for (const file of readdirSync(at.dataDir)) {
    expect([file, statSync(join(at.dataDir, file)).mode & 0o777]).toEqual([file, 0o600]);
  }
  for (const mode of [0o644, 0o640, 0o604]) {
    chmodSync(join(at.dataDir, "snapshot.key"), mode);
    expect(await codeOf(at.open())).toBe("GW_SECRET_MODE");
  }
});

test("a refresh costs one cheap read while nothing changed", async () => {
  await keys.create(executor);
  await at.clock.pass(500);
  const before = at.store.calls;
  for (let i = 0; i < 4; i++) await at.clock.pass(500);
  expect(at.store.calls - before).toBe(4);
});

test("a refresh that began before a change does not undo it", async () => {
  let release = () => {};
  const slow = {
    ...at.store,
    async keys() {
      const rows = await at.store.keys();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return rows;
    },
  };
  const opening = at.open({ store: slow });
  await Bun.sleep(20);
  release();
  const other = await opening;
  await at.store.addKey({ ...(await foreignKey()), name: "foreign" });
  const refreshing = other.refresh();
  await Bun.sleep(5);
  const creating = other.create({ ...executor, name: "late" });
  await Bun.sleep(5);
  release();
  await refreshing;
  const { token } = await creating;
  expect(answer(other, `Bearer ${token}`)).toBe("late");
  await other.close();
});

async function refused(): Promise<number> {
  throw new GatewayError("GW_DATABASE", { message: "down" });
}

async function foreignKey() {
  return {
    ...{ id: "k-00000000ffff", roles: ["viewer"], tokenHash: "ab".repeat(32) },
    ...{ createdMs: at.clock.now(), expiresMs: null, revokedMs: null },
  };
}
