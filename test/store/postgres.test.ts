/** What only Postgres can do to the gateway: freeze, die, be forged, be started twice. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createConnection, createServer } from "node:net";
import { GatewayError } from "../../src/base/errors.ts";
import { verifyReceipts } from "../../src/gateway/verify.ts";
import {
  closeBody,
  intentBody,
  openBody,
  outcomeBody,
  refusalBody,
} from "../../src/receipt/encode.ts";
import { postgresStore } from "../../src/store/postgres.ts";
import type { Store } from "../../src/store/store.ts";
import { noLookup } from "../kit/no-lookup.ts";
import { asOwner, startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { buildChain, callChain, intentFields, outcomeFields } from "../kit/records.ts";
import { grants } from "./grants.ts";

// Starting and recovering a server takes as long as the disk and the neighbours let it.
setDefaultTimeout(60_000);

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const open: Store[] = [];
afterAll(async () => {
  for (const store of open) await store.close();
});

function connect(url: string, queryMs = 5000, pool = 3): Store {
  const store = postgresStore({ url, pool, queryMs, lookup: noLookup });
  open.push(store);
  return store;
}

/** A way to the server on which its answers can get lost. */
async function deafLine(target: string) {
  const lines: { deaf: boolean }[] = [];
  const port = Number(new URL(target).port);
  const proxy = createServer((client) => {
    const line = { deaf: false };
    lines.push(line);
    const upstream = createConnection(port, "127.0.0.1");
    client.on("data", (chunk) => upstream.write(chunk));
    upstream.on("data", (chunk) => line.deaf || client.write(chunk));
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("close", () => upstream.end());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const own = typeof address === "object" ? address?.port : 0;
  return {
    url: target.replace(`:${port}/`, `:${own}/`),
    /** Connections that are open now give no more answers; new ones do. */
    mute: () => {
      for (const line of lines) line.deaf = true;
    },
    close: () => proxy.close(),
  };
}

async function failure(work: Promise<unknown>): Promise<GatewayError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
  throw new Error("nothing refused it");
}

describe("migrations", () => {
  test("O5 ten starters at once migrate once", async () => {
    const { adminUrl } = await server.database("starters");
    const stores = Array.from({ length: 10 }, () => connect(adminUrl));
    await Promise.all(stores.map((store) => store.migrate()));
    const { records, chain } = callChain(2);
    await stores[0]?.ship(records);
    expect(await stores[9]?.head(chain)).toBe(3);
    for (const store of stores) await store.close();
  });

  test("O5 a newer database is left as it is", async () => {
    const { adminUrl } = await server.database("newer");
    const store = connect(adminUrl);
    await store.migrate();
    await asOwner(
      adminUrl,
      "insert into schema_version (version) values (99)",
      "alter table receipts add column later text",
    );
    const again = connect(adminUrl);
    await again.migrate();
    const { records } = callChain(1);
    await again.ship(records);
    expect(await again.receipts({ limit: 9 })).toHaveLength(1);
  });
});

describe("rights", () => {
  let url: string;
  let adminUrl: string;
  let gateway: Store;
  beforeAll(async () => {
    ({ url, adminUrl } = await server.database("rights"));
    await connect(adminUrl).migrate();
    await asOwner(adminUrl, ...grants());
    gateway = connect(url);
  });

  test("A21 the gateway's role does its work with the grants of docs/database.md", async () => {
    await gateway.migrate();
    const { records } = callChain(2);
    await gateway.ship(records.slice(0, 2));
    await gateway.ship(records);
    const row = {
      ...{ id: "k-1", name: "one", roles: ["executor"], tokenHash: "00" },
      ...{ createdMs: 1, expiresMs: null, revokedMs: null },
    };
    await gateway.addKey(row);
    await gateway.replaceKey({ ...row, id: "k-2", tokenHash: "01" }, "k-1", 50);
    expect(await gateway.revokeKey("k-2", 5)).toBe(true);
    expect(await gateway.receipts({ limit: 5 })).toHaveLength(2);
  });

  test.each([
    ["update receipts set tool = 'x'"],
    ["delete from receipts"],
    ["truncate receipts"],
    ["alter table receipts add column x int"],
    ["drop table receipts"],
    ["delete from chain_heads"],
    ["truncate chain_heads"],
    ["delete from gateway_keys"],
    ["update gateway_keys set token_hash = 'x'"],
    ["update gateway_keys set roles = 'admin'"],
    ["create table mine (x int)"],
    ["set session_replication_role = replica"],
    ["insert into schema_version (version) values (100)"],
  ])("A21 the gateway's role may not: %s", async (statement) => {
    await expect(asOwner(url, statement)).rejects.toThrow(/permission denied|must be owner/);
  });
});

describe("forgery", () => {
  let adminUrl: string;
  let store: Store;
  beforeAll(async () => {
    ({ adminUrl } = await server.database("forgery"));
    store = connect(adminUrl);
    await store.migrate();
  });

  test("A7 a row put before its time stops shipping, nothing is overwritten", async () => {
    const { chain, records } = callChain(3);
    await store.ship(records.slice(0, 2));
    await asOwner(
      adminUrl,
      `insert into receipts (chain, seq, kind, hash, prev, body)
       values ('${chain}', 3, 'intent', '\\xaa', '\\xbb', '\\xcc')`,
    );
    const error = await failure(store.ship(records.slice(2)));
    expect(error.code).toBe("GW_AUDIT_FORK");
    expect(error.data).toEqual({ seq: 3 });
    expect(await store.head(chain)).toBe(1);
    const rows = await store.records(chain, 2, 9);
    expect(rows.map(({ seq, body }) => [seq, Buffer.from(body).toString("hex")])).toEqual([
      [3, "cc"],
    ]);
  });

  test("A7 the same row put before its time is skipped", async () => {
    const { chain, records } = callChain(2);
    await store.ship(records.slice(0, 2));
    const hex = (bytes: Uint8Array = new Uint8Array()) => Buffer.from(bytes).toString("hex");
    const [, , , last] = records;
    await asOwner(
      adminUrl,
      `insert into receipts (chain, seq, kind, hash, prev, body) values ('${chain}', 3, 'outcome',
       '\\x${hex(last?.hash)}', '\\x${hex(last?.prev)}', '\\x${hex(last?.body)}')`,
    );
    await store.ship(records.slice(2));
    expect(await store.head(chain)).toBe(3);
  });

  test("A3 rows that went missing are noticed when their records come again", async () => {
    const { chain, records } = callChain(2);
    await store.ship(records);
    await asOwner(adminUrl, `delete from receipts where chain = '${chain}' and seq = 2`);
    expect((await failure(store.ship(records))).code).toBe("GW_AUDIT_FORK");
  });
});

describe("changes by the owner of the tables", () => {
  let adminUrl: string;
  let store: Store;
  beforeAll(async () => {
    ({ adminUrl } = await server.database("changes"));
    store = connect(adminUrl);
    await store.migrate();
  });

  /** A closed chain of a call and a refusal, changed; what verify says, and how many are listed. */
  async function changed(...sql: ((chain: string) => string)[]) {
    await asOwner(adminUrl, "truncate receipts, chain_heads");
    const { chain, records, add } = buildChain();
    add("open", openBody({ ...nothingBefore, build: "t", dir: "/d" }, 1));
    add("intent", intentBody(intentFields(), 2));
    add("outcome", outcomeBody(outcomeFields(1), 3));
    add("refusal", refusalBody(intentFields({ effect: "deny", outcome: "denied" }), 4));
    add("close", closeBody("stop", 5));
    await store.ship(records);
    await asOwner(adminUrl, ...sql.map((one) => one(chain)));
    const { bad } = await verifyReceipts(store, "/nowhere", []);
    return { why: bad?.why, listed: (await store.receipts({ limit: 99 })).length };
  }

  const nothingBefore = { prevChain: "", prevSeq: -1, prevHead: "" };
  const where = (chain: string, seq: number) => `where chain = '${chain}' and seq = ${seq}`;
  const put = (chain: string, seq: number, from: number) => (own: string) =>
    `insert into receipts (chain, seq, kind, hash, prev, body, at)
     select '${chain || own}', ${seq}, kind, hash, prev, body, at from receipts ${where(own, from)}`;
  const set = (column: string, value: string, seq: number) => (chain: string) =>
    `update receipts set ${column} = ${value} ${where(chain, seq)}`;

  test("unchanged, it is well", async () => {
    expect(await changed()).toEqual({ why: undefined, listed: 2 });
  });

  test.each([
    ["A2 all heads deleted", () => "delete from chain_heads", "does not name", 0],
    ["A3 all rows deleted", () => "delete from receipts", "nothing of the chain", 0],
    ["A3 the last row deleted", (c: string) => `delete from receipts ${where(c, 4)}`, "ends at", 2],
    ["A2 a row of no chain", put(crypto.randomUUID(), 3, 3), "does not name", 2],
    ["A2 a row before seq 0", put("", -1, 3), "no record stands there", 2],
    ["A2 a row behind the end", put("", 9, 3), "expected seq 5", 2],
    ["A3 a head that ends earlier", () => "update chain_heads set last_seq = 3", "another hash", 2],
  ] as const)("%s is tampering, and not listed", async (_, sql, says, listed) => {
    const found = await changed(sql);
    expect(found.why).toContain(says);
    expect(found.listed).toBe(listed);
  });

  test.each([
    ["at", "now()", "at_ms"],
    ["at", "null", "at_ms"],
    ["key_id", "'k-other'", "key_id"],
    ["key_name", "'other'", "key_name"],
    ["method", "null", "method"],
    ["server", "'other'", "server"],
    ["tool", "'harmless'", "tool"],
    ["effect", "'allow'", "effect"],
    ["rule", "null", "rule"],
    ["outcome", "'ok'", "outcome"],
    ["code", "'GW_X'", "code"],
    ["of_seq", "1", "of_seq"],
    ["args_bytes", "1", "args_bytes"],
    ["result_bytes", "1", "result_bytes"],
    ["took_ms", "0.5", "took_ms"],
  ])("A2 a refusal whose column %s says %s is tampering", async (column, value, named) => {
    const { why } = await changed(set(column, value, 3));
    expect(why).toBe(`its column ${named} does not say what its body says`);
  });

  test("A2 an outcome that is taken from its call is tampering", async () => {
    expect((await changed(set("of_seq", "null", 2))).why).toContain("column of_seq");
  });
});

describe("a server in trouble", () => {
  let adminUrl: string;
  beforeAll(async () => {
    ({ adminUrl } = await server.database("trouble"));
    await connect(adminUrl).migrate();
  });

  test("L10 frozen: every call ends by its deadline, and works after the thaw", async () => {
    const store = connect(adminUrl, 400);
    const { chain, records } = callChain(4);
    await store.ship(records.slice(0, 4));
    server.freeze();
    try {
      // Connections that were open, then new ones that the kernel accepts and nobody answers.
      for (let round = 0; round < 2; round++) {
        const start = performance.now();
        const errors = await Promise.all([
          failure(store.ship(records.slice(4))),
          failure(store.keysVersion()),
          failure(store.ping()),
          failure(store.receipts({ limit: 1 })),
          failure(store.head(chain)),
        ]);
        expect(performance.now() - start).toBeLessThan(800);
        expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["GW_DATABASE"]));
      }
    } finally {
      server.resume();
    }
    await store.ship(records);
    expect(await store.head(chain)).toBe(7);
  });

  test("killed and started again: the answer is GW_DATABASE, then all is there once", async () => {
    const store = connect(adminUrl, 1000);
    const { chain, records } = callChain(300);
    await store.ship(records.slice(0, 100));
    const during = store.ship(records.slice(100)).catch((error) => error);
    await server.kill();
    const ended = await during;
    if (ended !== undefined) expect(ended.code).toBe("GW_DATABASE");
    const refused = await failure(store.ship(records));
    expect(refused.code).toBe("GW_DATABASE");
    expect(`${refused.message} ${refused.why}`).not.toContain("owner:owner");
    await server.restart();
    await store.ship(records.slice(0, 400));
    await store.ship(records);
    expect(await store.head(chain)).toBe(599);
    expect(await store.records(chain, 0, 1000)).toHaveLength(600);
  });

  test("a COMMIT whose answer is lost is not repeated", async () => {
    const { chain, records } = callChain(50);
    const line = await deafLine(adminUrl);
    const [store, direct] = [connect(line.url, 500, 1), connect(adminUrl)];
    // Twice, so that the statement is prepared and the third needs no answer to be carried out.
    await store.ship(records.slice(0, 10));
    await store.ship(records.slice(10, 20));
    line.mute();
    expect((await failure(store.ship(records.slice(20)))).code).toBe("GW_DATABASE");
    expect(await direct.head(chain)).toBe(99);
    // L10: the connection that went silent was given up, this is a new one.
    await store.ship(records.slice(20));
    expect(await direct.records(chain, 0, 1000)).toHaveLength(100);
    line.close();
  });

  test("two shippers of one chain at once: each record once", async () => {
    const { chain, records } = callChain(200);
    const [one, two] = [connect(adminUrl), connect(adminUrl)];
    const ship = async (store: Store, size: number) => {
      for (let at = 0; at < records.length; at += size) {
        // A batch may come before what the other has not sent yet; then it is sent again.
        for (let attempt = 0; attempt < 20; attempt++) {
          if (
            await store.ship(records.slice(0, at + size)).then(
              () => true,
              () => false,
            )
          )
            break;
        }
      }
    };
    await Promise.all([ship(one, 37), ship(two, 53)]);
    expect(await one.records(chain, 0, 1000)).toHaveLength(400);
    expect(await two.head(chain)).toBe(399);
  });

  test("nobody there, or not a URL", async () => {
    const gone = await failure(connect("postgres://me:secret@127.0.0.1:1/db", 2000).ping());
    expect(gone.code).toBe("GW_DATABASE");
    expect(gone.message).toBe("Cannot read the settings in postgres://me@127.0.0.1:1/db");
    expect(gone.why).toContain("ECONNREFUSED");
    const wrong = await failure(
      connect(server.url.replace("gateway:gateway", "gateway:wrong")).ping(),
    );
    expect(wrong.why).toContain("password authentication failed");
    expect(() =>
      postgresStore({ url: "pg secret", pool: 1, queryMs: 1, lookup: noLookup }),
    ).toThrow("not a URL");
  });

  test("A22 a server that may lose commits is said to be one", async () => {
    const store = connect(adminUrl);
    await store.ping();
    expect(store.warnings()).toEqual([]);
    await asOwner(adminUrl, "alter system set fsync = off", "select pg_reload_conf()");
    await Bun.sleep(300);
    await store.ping();
    expect(store.warnings()).toEqual(["fsync is off: a crash of the server can lose receipts"]);
    await asOwner(adminUrl, "alter system reset fsync", "select pg_reload_conf()");
  });
});
