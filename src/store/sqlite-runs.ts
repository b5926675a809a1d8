/** Finding records in the runs of the embedded store. */

import { type RunRecord, type RunRow, unpackRun } from "./sqlite-run.ts";
import { all, type Prepare } from "./sqlite-statement.ts";

/** Columns of SQLite take values of any type, and 64-bit ones that a number cannot hold throw. */
export function safe(column: string): string {
  const fits = `typeof(${column}) = 'integer' and ${column} between 0 and 9007199254740991`;
  return `iif(${column} is null, null, iif(${fits}, ${column}, -1))`;
}

export const runColumns = `r.id & 1099511627775 as first, ${safe("r.last_seq")} as last_seq,
  ${safe("from_ms")} as from_ms, ${safe("until_ms")} as until_ms,
  iif(typeof(heads) = 'blob', heads, x'') as heads,
  iif(typeof(bodies) = 'blob', bodies, x'') as bodies`;

export interface RunReader {
  /** undefined when no run has it. */
  recordAt(no: number, seq: number): RunRecord | undefined;
}

/** For one transaction. Keeps the runs that it read last: most of what follows is in them, too. */
export function runReader(prepare: Prepare): RunReader {
  const kept = new Map<string, readonly RunRecord[]>();
  const records = (no: number, first: number): readonly RunRecord[] => {
    const key = `${no}-${first}`;
    const statement = prepare(`select ${runColumns} from runs r where id = (? << 40 | ?)`);
    const read = kept.get(key) ?? all<RunRow>(statement, no, first).flatMap(unpackRun);
    kept.delete(key);
    for (const old of kept.keys()) if (kept.size >= keptMost) kept.delete(old);
    kept.set(key, read);
    return read;
  };
  return {
    recordAt(no, seq) {
      const statement = prepare(
        `select id & 1099511627775 as first from runs
         where id >= ? << 40 and id <= (? << 40 | ?) order by id desc limit 1`,
      );
      const [run] = all<{ first: number }>(statement, no, no, seq);
      if (run === undefined) return undefined;
      return records(no, run.first)[seq - run.first];
    },
  };
}

/** At 256 KiB each. */
const keptMost = 8;

/** Runs that hold a seq or later ones, in order, until they have so many records. */
export function runsFrom(prepare: Prepare, no: number, seq: number, most: number): RunRow[] {
  const over = prepare(
    `select max(id) & 1099511627775 as first from runs where id >= ? << 40 and id <= (? << 40 | ?)`,
  );
  // One by one: `iterate` ends without a word on Deno where SQLite reports an error.
  const following = prepare(
    `select ${runColumns} from runs r where id >= (? << 40 | ?) and id < ? + 1 << 40
     order by id limit 1`,
  );
  const rows: RunRow[] = [];
  let from = all<{ first: number | null }>(over, no, no, seq)[0]?.first ?? seq;
  for (let records = 0; records < most; ) {
    const [row] = all<RunRow>(following, no, from, no);
    if (row === undefined) break;
    rows.push(row);
    from = row.first + 1;
    if (row.last_seq >= seq) records += Math.max(1, row.last_seq - Math.max(seq, row.first) + 1);
  }
  return rows;
}

/** seq of the outcome, in a run, that `ends` names for an intent that is not in that run. */
export function endOf(prepare: Prepare, no: number, intent: number): number | undefined {
  const statement = prepare(
    "select id & 1099511627775 as seq from ends where of_id = (? << 40 | ?) and id >> 40 = ?",
  );
  return all<{ seq: number }>(statement, no, intent, no)[0]?.seq;
}
