/** `doctor --key NAME`: what is said of the key, good or not. */

import { expect, test } from "bun:test";
import type { ListedKey } from "../../src/admin/contract.ts";
import { checkKeys } from "../../src/doctor/check-keys.ts";
import type { World } from "../../src/doctor/world.ts";

const nowMs = Date.parse("2026-11-27T00:00:00Z");
const made = (name: string, more: Partial<ListedKey> = {}): ListedKey => ({
  ...{ id: `k-${name}`, name, roles: ["executor"], created_at: "2026-11-01T00:00:00Z" },
  ...{ expires_at: null, revoked_at: null, state: "live", ...more },
});
const keys = [
  made("a"),
  made("ends", { expires_at: "2026-12-01T00:00:00Z" }),
  made("both", { roles: ["operator", "executor"] }),
  made("reader", { roles: ["auditor"] }),
  made("gone", { state: "revoked", revoked_at: "2026-11-02T00:00:00Z" }),
];
const tools = [
  { tool: "s/a", held_back: null, visible: "allow" },
  { tool: "s/b", held_back: null, visible: "depends" },
  { tool: "s/c", held_back: null, visible: "deny" },
  { tool: "s/d", held_back: "its name", visible: null },
];

async function asked(key: string, gateway: object): Promise<readonly string[][]> {
  const notes: string[] = [];
  const world = {
    config: { auth: "keys", servers: [], databaseProblems: [] },
    ...{ gateway, key, nowMs, env: { HOME: "/nowhere" } },
    note: (text: string) => void notes.push(text),
    command: (words: string) => words,
  } as unknown as World;
  const findings = await checkKeys(world);
  return [notes, findings.map(({ code }) => code)];
}

const up = (files: readonly string[], list: readonly unknown[] = keys) => ({
  ...{ kind: "up", status: { policy: { files } } },
  get: async (path: string) => (path.includes("tools?key=") ? tools : list),
});

const cases: readonly (readonly [key: string, notes: string[], codes: string[]])[] = [
  ["a", ['key "a" is live: executor; it sees 2 of 3 tools'], []],
  ["k-a", ['key "a" is live: executor; it sees 2 of 3 tools'], []],
  [
    "ends",
    ['key "ends" is live: executor; it ends in 4 d, at 2026-12-01T00:00:00Z; it sees 2 of 3 tools'],
    [],
  ],
  ["both", ['key "both" is live: operator, executor; it sees 2 of 3 tools'], []],
  ["reader", ['key "reader" is live: auditor'], ["GW_ROLE"]],
  ["gone", [], ["GW_KEY_REVOKED"]],
  ["none-such", [], ["GW_KEY_UNKNOWN"]],
];
for (const [key, notes, codes] of cases) {
  test(`--key ${key}`, async () =>
    expect(await asked(key, up(["p.yaml"]))).toEqual([notes, codes]));
}

test("what it sees is left out where it is not known", async () => {
  expect(await asked("a", up([]))).toEqual([['key "a" is live: executor'], []]);
});

test("a key that could not be looked at is not passed over in silence", async () => {
  const said = [['key "a" was not looked at: the list of keys cannot be read'], []];
  expect(await asked("a", { kind: "silent" })).toEqual(said);
  expect(await asked("a", { kind: "down" })).toEqual(said);
});
