/** `doctor --key NAME`: what is said of the key, good or not. */

import { expect, test } from "bun:test";
import type { ListedKey } from "../../src/admin/contract.ts";
import { checkKeys } from "../../src/doctor/check-keys.ts";
import { keyFix, readKeys } from "../../src/doctor/key-fix.ts";
import type { GatewayState, World } from "../../src/doctor/world.ts";
import type { Config } from "../../src/gateway/config-model.ts";

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
  made("over", { roles: ["operator", "viewer"], state: "expired", expires_at: null }),
  made("gone", { state: "revoked", revoked_at: "2026-11-02T00:00:00Z" }),
];
const tools = [
  { tool: "s/a", held_back: null, visible: "allow" },
  { tool: "s/b", held_back: null, visible: "depends" },
  { tool: "s/c", held_back: null, visible: "deny" },
  { tool: "s/d", held_back: "its name", visible: null },
];

function worldOf(key: string | undefined, gateway: object, notes: string[] = []): World {
  const config = { auth: "keys", servers: [], databaseProblems: [] } as unknown as Config;
  return {
    ...{ config, gateway, key, nowMs, env: { HOME: "/nowhere" } },
    keys: () => readKeys(gateway as GatewayState, config),
    note: (text: string) => void notes.push(text),
    command: (words: string) => words,
  } as unknown as World;
}

const read = { source: "store" };

async function asked(key: string, gateway: object): Promise<readonly string[][]> {
  const notes: string[] = [];
  const findings = await checkKeys(worldOf(key, gateway, notes));
  return [notes, findings.map(({ code }) => code)];
}

const up = (files: readonly string[], list: readonly unknown[] = keys, access = read) => ({
  ...{ kind: "up", status: { policy: { files }, access } },
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

const named = (...names: string[]) => names.map((name) => made(name));
const denied = (list: readonly ListedKey[]) => ({
  ...up(["p.yaml"], list),
  get: async (path: string) =>
    path.includes("tools?key=") ? [{ tool: "s/c", held_back: null, visible: "deny" }] : list,
});

test("a policy that allows nothing is one finding for all keys", async () => {
  expect(await checkKeys(worldOf(undefined, denied(named("a", "b"))))).toMatchObject([
    {
      code: "GW_NO_TOOLS",
      saw: "keys a, b see none of 1 tools",
      cause: "no rule of p.yaml allows any key a tool of these servers",
      fix: "tools why s/c --as a",
    },
  ]);
  expect(await checkKeys(worldOf(undefined, denied(named("a"))))).toMatchObject([
    { cause: 'no rule of p.yaml allows key "a" a tool of these servers' },
  ]);
});

test("where one server is asked for, keys are no matter, unless one is named", async () => {
  const gateway = denied(named("a", "b"));
  expect(await checkKeys({ ...worldOf(undefined, gateway), server: "s" })).toEqual([]);
  expect(await checkKeys({ ...worldOf("a", gateway), server: "s" })).toHaveLength(1);
});

test("what it sees is left out where it is not known", async () => {
  expect(await asked("a", up([]))).toEqual([['key "a" is live: executor'], []]);
});

test("a key that could not be looked at is not passed over in silence", async () => {
  const said = [['key "a" was not looked at: the list of keys cannot be read'], []];
  expect(await asked("a", { kind: "silent" })).toEqual(said);
  expect(await asked("a", { kind: "down" })).toEqual(said);
});

test("a name that no key has is said of the name, and not of a token", async () => {
  const found = await checkKeys(worldOf("none-such", up([])));
  expect(found).toMatchObject([
    {
      code: "GW_KEY_UNKNOWN",
      cause: "no key of this gateway has this name or id, live or ended",
      effect: "no agent can have a token of it",
      fix: "keys create --role executor --name none-such",
    },
  ]);
});

test("what is proposed for an ended key works: a revoked one leaves its name free", async () => {
  const fixes = async (key: string) => (await checkKeys(worldOf(key, up([]))))[0]?.fix;
  expect(await fixes("over")).toBe("keys rotate over");
  expect(await fixes("gone")).toBe("keys create --role executor --name gone");
  expect(await fixes("reader")).toBe("keys create --role executor --name reader-agent");
});

const ended = "at 2026-11-02T00:00:00.000Z";
const create = "keys create --role executor --name my-agent";
const others = [made("my-agent"), made("my-agent-2"), made("x", { roles: ["viewer"] })];
test.each([
  ["GW_KEY_UNKNOWN", "No key has this token", keys, create],
  ["GW_KEY_UNKNOWN", "No key has this token", others, `${create}-3`],
  ["GW_KEY_MISSING", "The request carries no API key", others, `${create}-3`],
  ["GW_ROLE", "x", others, `give the agent a key of its own: ${create}-3`],
  ["GW_KEY_EXPIRED", `Key "over" expired ${ended}`, keys, "keys rotate over"],
  ["GW_KEY_EXPIRED", `Key "a" expired ${ended}`, keys, "keys rotate a"],
  ["GW_KEY_REVOKED", `Key "a" was revoked ${ended}`, keys, "keys rotate a"],
  ["GW_KEY_REVOKED", `Key "gone" was revoked ${ended}`, keys, `${create.slice(0, -8)}gone`],
] as const)("%s: %s", async (code, message, list, fix) => {
  expect(await keyFix(worldOf(undefined, up([], list)), { code, message })).toBe(fix);
});

test("a header without Bearer needs that word, and no new key", async () => {
  const message = "The Authorization header is not `Bearer <token>`";
  const told = await keyFix(worldOf(undefined, up([])), { code: "GW_KEY_UNKNOWN", message });
  expect(told).toStartWith('write "Bearer " before the token');
});

test("keys that could not be read are not taken for none, and none is to be made", async () => {
  const access = { source: "none", error: "GW_DATABASE: Cannot read the keys: ECONNREFUSED" };
  const notes: string[] = [];
  const found = await checkKeys(worldOf("a", up([], [], access), notes));
  expect(found).toMatchObject([
    {
      ...{ link: "gateway", code: "GW_KEYS_UNAVAILABLE", cause: access.error },
      effect: "every agent is refused with 503, whatever its key",
      fix: expect.stringMatching(/^mend what is said of the database/),
    },
  ]);
  expect(notes).toEqual(['key "a" was not looked at: the list of keys cannot be read']);
});
