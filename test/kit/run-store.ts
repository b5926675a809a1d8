/** An embedded store for a test, without its thread, and what it says compared. */

import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ChainRecord } from "../../src/receipt/model.ts";
import { type Engine, openEngine } from "../../src/store/sqlite-engine.ts";
import { framesOf } from "../../src/store/sqlite-wire.ts";

export function withStore(use: (engine: Engine, raw: DatabaseSync) => void): void {
  const home = mkdtempSync(join(tmpdir(), "gw-runs-"));
  const path = join(home, "store.db");
  const engine = openEngine({ path, readOnly: false });
  engine.migrate();
  const raw = new DatabaseSync(path);
  raw.exec("pragma synchronous = off");
  try {
    use(engine, raw);
  } finally {
    raw.close();
    engine.close();
    rmSync(home, { recursive: true, force: true });
  }
}

export function ship(engine: Engine, records: readonly ChainRecord[]): void {
  if (records.length > 0) engine.ship(framesOf(records));
}

export const count = (raw: DatabaseSync, table: string): number =>
  Number(raw.prepare(`select count(*) as n from ${table}`).get()?.["n"]);

export const plain = (records: readonly ChainRecord[]) =>
  records.map(({ hash, prev, body, ...rest }) => ({
    ...rest,
    bytes: [hash, prev, body].map((bytes) => Buffer.from(bytes).toString("hex")),
  }));

export function sameRecords(
  engine: Engine,
  raw: DatabaseSync,
  chain: string,
  records: readonly ChainRecord[],
): void {
  for (const page of [9999, 97, 1 + (records.length >> 1)]) {
    for (let next = 0; next < records.length; next += page) {
      const got = engine.records(chain, next, page);
      expect(plain(got.map(({ wrong: _, ...record }) => record))).toEqual(
        plain(records.slice(next, next + page)),
      );
      expect(got.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
    }
  }
  const seen = raw
    .prepare("select seq, kind, hash, body from receipts where chain = ? order by seq")
    .all(chain)
    .map(({ seq, kind, hash, body }) => [seq, kind, text(hash), text(body)]);
  expect(seen).toEqual(records.map((r) => [r.seq, r.kind, text(r.hash), text(r.body)]));
}

export const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString("latin1");
