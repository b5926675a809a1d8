/** One list of promises, kept by every store. What only one can break is in its own file. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayError } from "../../src/base/errors.ts";
import { intentBody, outcomeBody } from "../../src/receipt/encode.ts";
import type { ChainRecord } from "../../src/receipt/model.ts";
import { postgresStore } from "../../src/store/postgres.ts";
import { sqliteStore } from "../../src/store/sqlite.ts";
import type { KeyRow, Store } from "../../src/store/store.ts";
import { noLookup } from "../kit/no-lookup.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import {
  addCall,
  addRefusal,
  buildChain,
  callChain,
  intentFields,
  outcomeFields,
} from "../kit/records.ts";
import { memoryStore } from "./memory.ts";

setDefaultTimeout(30_000);

const home = mkdtempSync(join(tmpdir(), "gw-store-"));
let server: TestPostgres | undefined;
afterAll(async () => {
  await server?.stop();
  rmSync(home, { recursive: true, force: true });
});

const stores: readonly [name: string, open: () => Promise<Store>][] = [
  ["memory", async () => memoryStore()],
  ["sqlite", async () => sqliteStore({ path: join(home, "store.db") })],
  [
    "postgres",
    async () => {
      server = await startPostgres({ durable: false });
      return postgresStore({ url: server.adminUrl, pool: 4, queryMs: 5000, lookup: noLookup });
    },
  ],
];

describe.each(stores)("%s", (_, open) => {
  let store: Store;
  beforeAll(async () => {
    store = await open();
    await store.migrate();
    await store.migrate();
  });
  afterAll(() => store.close());

  test("A5 records land once, whatever is shipped again", async () => {
    const { chain, records } = callChain(20);
    expect(await store.head(chain)).toBe(-1);
    await store.ship(records.slice(0, 10));
    await store.ship(records.slice(0, 10));
    await store.ship(records.slice(5, 25));
    await Promise.all([store.ship(records.slice(20)), store.ship(records.slice(20))]);
    await store.ship(records);
    expect(await store.head(chain)).toBe(39);
    expect(await all(store, chain)).toEqual(plain(records));
  });

  test("A3 the end of each chain is noted, and nothing strange is there", async () => {
    const { chain, records } = callChain(3);
    await store.ship(records);
    const { ends, strays } = await store.inspect();
    const hash = Buffer.from(records.at(-1)?.hash ?? []).toString("hex");
    expect(ends.filter((end) => end.chain === chain)).toEqual([{ chain, seq: 5, hash }]);
    expect(ends.map((end) => end.chain)).toEqual([...(await store.chains())]);
    expect(strays).toEqual([]);
  });

  test("nothing to ship is nothing", async () => {
    await store.ship([]);
  });

  test("A7 another record at the same place is refused and overwrites nothing", async () => {
    const { chain, records } = callChain(3);
    const forged = callChainOf(chain, 4);
    await store.ship(records.slice(0, 4));
    expect(await codeOf(store.ship(forged.records.slice(2)))).toBe("GW_AUDIT_FORK");
    expect(await codeOf(store.ship(forged.records.slice(0, 4)))).toBe("GW_AUDIT_FORK");
    expect(await codeOf(store.ship(forged.records.slice(4)))).toBe("GW_AUDIT_FORK");
    expect(await all(store, chain)).toEqual(plain(records.slice(0, 4)));
    await store.ship(records);
    expect(await store.head(chain)).toBe(5);
  });

  test("a gap is refused", async () => {
    const { chain, records } = callChain(3);
    expect(await codeOf(store.ship(records.slice(2)))).toBe("GW_AUDIT_FORK");
    await store.ship(records.slice(0, 2));
    expect(await codeOf(store.ship(records.slice(4)))).toBe("GW_AUDIT_FORK");
    expect(await store.head(chain)).toBe(1);
  });

  test("records that do not follow each other are not shipped", async () => {
    const { records } = callChain(3);
    const swapped = [records[1], records[0]] as ChainRecord[];
    expect(await codeOf(store.ship(swapped))).toBe("GW_INTERNAL");
  });

  test("A10 poison lands byte for byte and blocks nothing", async () => {
    const builder = buildChain();
    for (const body of poison()) builder.add("intent", body);
    addRefusal(builder, { keyName: "after\u0000poison" }, 1_600_000_000_000);
    await store.ship(builder.records);
    expect(await all(store, builder.chain)).toEqual(plain(builder.records));
    const stored = await store.records(builder.chain, 0, 999);
    expect(stored.filter((record) => record.wrong !== undefined)).toEqual([]);
    const rows = await store.receipts({ limit: 10_000 });
    expect(rows.filter((row) => row.id.startsWith(idPrefix(builder.chain)))).toHaveLength(
      builder.records.length,
    );
  });

  test("10,000 records come back in order, in pages", async () => {
    const { chain, records } = callChain(5000);
    for (let at = 0; at < records.length; at += 500) await store.ship(records.slice(at, at + 500));
    let next = 0;
    while (next < records.length) {
      const page = await store.records(chain, next, 999);
      for (const record of page) {
        const expected = records[next++];
        if (!Buffer.from(record.hash).equals(expected?.hash ?? Buffer.alloc(0))) {
          throw new Error(`record ${next - 1} differs`);
        }
      }
      if (page.length === 0) break;
    }
    expect(next).toBe(10_000);
    expect(await store.chains()).toContain(chain);
  }, 20_000);

  test("receipts: a call and its outcome are one row, newest first", async () => {
    const builder = buildChain();
    const at = 1_900_000_000_000;
    const late = { outcome: "timeout", code: "GW_LATE" } as const;
    builder.add("intent", intentBody(intentFields({ keyName: "one" }), at));
    builder.add("intent", intentBody(intentFields({ keyName: "two", tool: "write_file" }), at + 1));
    builder.add("outcome", outcomeBody(outcomeFields(1, late), at + 2));
    const denied = { effect: "deny", outcome: "denied", rule: "", decideUs: 1500 } as const;
    addRefusal(builder, { ...denied, server: "", tool: "nowhere", code: "GW_NONE" }, at + 3);
    await store.ship(builder.records);
    const id = (seq: number) => `${idPrefix(builder.chain)}${seq}`;
    expect(await store.receipts({ limit: 3 })).toEqual([
      {
        ...{ id: id(3), seq: 3, time: new Date(at + 3).toISOString(), key: "agent", server: "" },
        ...{ tool: "nowhere", effect: "deny", rule: null, outcome: "denied", args_bytes: 200 },
        ...{ code: "GW_NONE", result_bytes: null, took_ms: 1.5 },
      },
      {
        ...{ id: id(1), seq: 1, time: new Date(at + 1).toISOString(), key: "two" },
        ...{ server: "files", tool: "files/write_file", effect: "allow", rule: "reads" },
        ...{ ...late, args_bytes: 200, result_bytes: 900, took_ms: 4.25 },
      },
      {
        ...{ id: id(0), seq: 0, time: new Date(at).toISOString(), key: "one", server: "files" },
        ...{ tool: "files/read_file", effect: "allow", rule: "reads", outcome: null },
        ...{ code: null, args_bytes: 200, result_bytes: null, took_ms: null },
      },
    ]);
    const ids = async (query: object) =>
      (await store.receipts({ limit: 9, ...query })).map((row) => row.id);
    expect(await ids({ key: "two" })).toEqual([id(1)]);
    expect(await ids({ tool: "files/write_file" })).toEqual([id(1)]);
    expect(await ids({ tool: "nowhere" })).toEqual([id(3)]);
    expect(await ids({ outcome: "timeout" })).toEqual([id(1)]);
    expect(await ids({ id: id(0) })).toEqual([id(0)]);
    expect(await ids({ id: id(2) })).toEqual([]);
    expect(await ids({ beforeMs: at + 1, limit: 1 })).toEqual([id(0)]);
  });

  test("receipts: a call of one record is listed and found as one of two is", async () => {
    const at = 1_950_000_000_000;
    const calls = [
      [{ keyName: "both-1" }, {}],
      [{ keyName: "both-2", tool: "write_file" }, { outcome: "timeout" }],
      [
        { keyName: 'both-"3"', server: "" },
        { resultHash: "", resultBytes: 0 },
      ],
      [{ keyName: "both-4" }, { outcome: "unknown", tookMs: 0.125, queueMs: 7 }],
    ] as const;
    const [one, two] = [buildChain(), buildChain()];
    for (const [n, [call, end]] of calls.entries()) {
      addCall(one, call, end, at + n);
      const intent = two.add("intent", intentBody(intentFields(call), at + n));
      two.add("outcome", outcomeBody(outcomeFields(intent.seq, end), at + n + 1));
    }
    for (const { records } of [one, two]) await store.ship(records);

    const found = async (chain: string, query: object) =>
      (await store.receipts({ limit: 99, ...query }))
        .filter(({ id }) => id.startsWith(idPrefix(chain)))
        .map(({ id: _, seq: __, ...row }) => row);
    const queries = [
      {},
      ...["both-2", 'both-"3"'].map((key) => ({ key })),
      ...["ok", "timeout", ""].map((outcome) => ({ outcome })),
      ...[{ tool: "write_file" }, { tool: "files/read_file" }, { beforeMs: at + 2 }],
    ];
    let rows = 0;
    for (const query of queries) {
      const listed = await found(one.chain, query);
      expect(listed).toEqual(await found(two.chain, query));
      rows += listed.length;
    }
    expect(rows).toBe(4 + (1 + 1) + (2 + 1) + (1 + 2) + 2);
    const id = `${idPrefix(one.chain)}1`;
    expect(await store.receipts({ limit: 1, id })).toMatchObject([{ id, key: "both-2" }]);
    expect(await all(store, one.chain)).toEqual(plain(one.records));
    const stored = await store.records(one.chain, 0, 9);
    expect(stored.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
  });

  const searches = [
    "%' OR 1=1--",
    "%\\",
    "r-zzzzzzzzzzzz-1",
    "r--1",
    "",
    "*",
    "x".repeat(1_000_000),
  ];
  test.each(searches.map((text) => [text.slice(0, 20), text]))(
    "A20 a search for %j is only a value",
    async (_, text) => {
      for (const field of ["key", "tool", "outcome", "id"]) {
        expect(await store.receipts({ limit: 9, [field]: text })).toEqual([]);
      }
    },
  );

  test("keys: add, name taken, revoke, version", async () => {
    const before = await store.keysVersion();
    const row = keyRow("one");
    await store.addKey(row);
    expect(await codeOf(store.addKey(keyRow("one")))).toBe("GW_NAME");
    expect(await store.keysVersion()).toBeGreaterThan(before);
    expect((await store.keys()).find(({ id }) => id === row.id)).toEqual(row);
    const version = await store.keysVersion();
    expect(await store.revokeKey(row.id, 77)).toBe(true);
    expect(await store.revokeKey(row.id, 99)).toBe(true);
    expect(await store.revokeKey("k-none", 99)).toBe(false);
    expect(await store.keysVersion()).toBeGreaterThan(version);
    expect((await store.keys()).find(({ id }) => id === row.id)?.revokedMs).toBe(77);
    await store.addKey(keyRow("one"));
  });

  test("sessions: the newest word counts, an end is for good, the key stays", async () => {
    const { version: before } = await store.sessionsSince(undefined);
    const row = { digest: "d1", keyId: "k1", endsMs: 5_000, endedMs: null };
    const other = { ...row, digest: "d2", endsMs: 9_000 };
    const first = await store.saveSessions([
      { ...row, patch: { a: 1, b: "x" } },
      { ...other, patch: {} },
    ]);
    expect(first).toBeGreaterThan(before);
    const second = await store.saveSessions([{ ...row, patch: { a: null, __proto__x: [1] } }]);
    const state = JSON.stringify({ b: "x", __proto__x: [1] });
    expect(await store.session("d1")).toMatchObject({ ...row, state });
    const changes = await store.sessionsSince(before);
    expect(changes.rows.map(({ digest, version }) => [digest, version])).toEqual([
      ["d2", first],
      ["d1", second],
    ]);
    expect(changes.version).toBe(second);
    expect(await store.sessionsSince(second)).toEqual({ version: second, rows: [] });
    await store.saveSessions([{ ...row, endedMs: 7, patch: {} }]);
    await store.saveSessions([
      { ...row, endedMs: 8, patch: {} },
      { ...row, keyId: "k2", patch: { b: "theirs" } },
    ]);
    expect(await store.session("d1")).toMatchObject({ ...row, endedMs: 7, state });
    await store.forgetSessions(5_001);
    expect(await store.session("d1")).toBe(undefined);
    expect(await store.session("d2")).toMatchObject({ ...other, state: "{}" });
  });

  test("sessions: two writers at once lose nothing of each other", async () => {
    const row = { digest: "d3", keyId: "k1", endsMs: 5_000, endedMs: null };
    const all = Array.from({ length: 12 }, (_, at) => `u:${at}`);
    await Promise.all(all.map((key) => store.saveSessions([{ ...row, patch: { [key]: 1 } }])));
    const kept = Object.keys(JSON.parse((await store.session("d3"))?.state ?? "{}"));
    expect(kept.sort()).toEqual(all.sort());
  });

  test("keys: an expired key gives its name free, a live one does not", async () => {
    await store.addKey(keyRow("short", { createdMs: 1000, expiresMs: 2000 }));
    expect(await codeOf(store.addKey(keyRow("short", { createdMs: 1999 })))).toBe("GW_NAME");
    await store.addKey(keyRow("short", { createdMs: 2000 }));
  });

  test("keys: a replaced key ends at its time, or at once", async () => {
    const [first, second, third] = [keyRow("turn"), keyRow("turn"), keyRow("turn")];
    await store.addKey(first);
    await store.replaceKey(second, first.id, second.createdMs + 500);
    expect(await codeOf(store.replaceKey(third, first.id, 0))).toBe("GW_NAME");
    await store.replaceKey(third, second.id, third.createdMs);
    const rows = await store.keys();
    const find = (id: string) => rows.find((row) => row.id === id);
    expect(find(first.id)).toMatchObject({ expiresMs: first.createdMs + 500, revokedMs: null });
    expect(find(second.id)).toMatchObject({ revokedMs: third.createdMs, expiresMs: null });
    expect(find(third.id)).toEqual(third);
  });
});

let made = 0;
function keyRow(name: string, fields: Partial<KeyRow> = {}): KeyRow {
  const id = `k-${String(++made).padStart(12, "0")}-${Math.random()}`;
  return {
    ...{ id, name, roles: ["executor", "viewer"], tokenHash: `${id}hash`, createdMs: 5000 },
    ...{ expiresMs: null, revokedMs: null, ...fields },
  };
}

async function all(store: Store, chain: string): Promise<unknown[]> {
  return plain(await store.records(chain, 0, 10_000));
}

/** Byte arrays as hex, so that Buffer and Uint8Array compare equal. */
function plain(records: readonly ChainRecord[]): unknown[] {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  return records.map(({ hash, prev, body, ...rest }) => ({
    ...rest,
    hash: hex(hash),
    prev: hex(prev),
    body: hex(body),
  }));
}

/** The same chain id with other content. */
function callChainOf(chain: string, calls: number) {
  const builder = buildChain(chain);
  for (let call = 0; call < calls; call++) {
    const { seq } = builder.add("intent", intentBody(intentFields({ tool: "forged" }), 5));
    builder.add("outcome", outcomeBody(outcomeFields(seq), 6));
  }
  return builder;
}

function idPrefix(chain: string): string {
  return `r-${chain.replaceAll("-", "").slice(0, 12)}-`;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "nothing refused it";
  } catch (thrown) {
    return thrown instanceof GatewayError ? thrown.code : String(thrown);
  }
}

/** What kills a naive batch (L2), as bodies and as values inside well-formed bodies. */
function poison(): (string | Uint8Array)[] {
  const texts = [
    ...[
      "",
      "\u0000",
      "a\u0000b",
      "\ud800",
      "\udfff\ud800",
      "\ufffe\uffff",
      "'; drop table receipts--",
    ],
    ...['{"a":"\\u0000"}', "\\", "\\x00", "{}", "NULL", "undefined", "$1", "%s%n", "{a,b}", '"'],
    ...[
      "\u202eabc",
      "👩‍👩‍👧‍👦",
      "Ṱ̺̺̕o͞ ̷i̲̬͇̪n",
      "\u2028\u2029",
      "\r\n\t",
      "𝕿𝖍𝖊",
      "../../etc/passwd\0.png",
    ],
    ...["<script>alert(1)</script>", "1e400", "-0", "9".repeat(400), "x".repeat(100_000)],
  ];
  const inFields = texts.map((text) =>
    intentBody(intentFields({ tool: text, keyName: text, server: text, rule: text }), 1),
  );
  const deep = `${"[".repeat(60)}1${"]".repeat(60)}`;
  const odd = [
    `{"v":1,"kind":"intent","at":1e308,"args_bytes":-1,"of":1.5,"took_ms":1e999,"tool":{}}`,
    `{"v":1,"kind":"intent","at":"x","args_bytes":9007199254740993,"tool":["\\u0000"]}`,
    `{"v":1,"kind":"intent","at":-5,"key_name":"\\ud800","__proto__":{"tool":"x"}}`,
    `{"v":1,"kind":"intent","at":5,"args":${deep}}`,
  ];
  const broken = [
    ...[new Uint8Array(0), new Uint8Array([0]), new Uint8Array([0xff, 0xfe, 0xc0, 0x80])],
    new TextEncoder().encode('{"kind":"intent","tool":"\u0000'),
    new Uint8Array(1_000_000).fill(0x5c),
  ];
  return [...inFields, ...odd, ...broken];
}
