/** Finding records in the runs of the embedded store. */

import { type RunRecord, type RunRow, unpackRun } from "./sqlite-run.ts";
import { all, each, type Prepare } from "./sqlite-statement.ts";

const columns = "id & 1099511627775 as first, last_seq, from_ms, until_ms, heads, bodies";

/** The records of the run that a record is in; undefined when none has it. */
export function runAt(prepare: Prepare, no: number, seq: number): RunRecord[] | undefined {
  const statement = prepare(
    `select ${columns} from runs where id >= ? << 40 and id <= (? << 40 | ?)
     order by id desc limit 1`,
  );
  const [row] = all<RunRow>(statement, no, no, seq);
  return row === undefined || row.last_seq < seq ? undefined : unpackRun(row);
}

/** Runs that hold a seq or later ones, in order, until they have so many records. */
export function runsFrom(prepare: Prepare, no: number, seq: number, most: number): RunRow[] {
  const statement = prepare(
    `select ${columns} from runs where id < ? + 1 << 40 and id >= coalesce(
       (select max(id) from runs where id >= ? << 40 and id <= (? << 40 | ?)), ? << 40 | ?)
     order by id`,
  );
  const rows: RunRow[] = [];
  let records = 0;
  for (const row of each<RunRow>(statement, [no, no, no, seq, no, seq])) {
    rows.push(row);
    if (row.last_seq >= seq) records += row.last_seq - Math.max(seq, row.first) + 1;
    if (records >= most) break;
  }
  return rows;
}

/** seq of the outcome, in another run or row, that `ends` names for an intent. */
export function endOf(prepare: Prepare, no: number, intent: number): number | undefined {
  const statement = prepare(
    "select id & 1099511627775 as seq from ends where of_id = (? << 40 | ?) and id >> 40 = ?",
  );
  return all<{ seq: number }>(statement, no, intent, no)[0]?.seq;
}
