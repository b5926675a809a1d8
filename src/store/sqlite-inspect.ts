/** What the embedded store's tables hold that no gateway wrote: for verify. */

import { isChain } from "./rows.ts";
import { safe } from "./sqlite-runs.ts";
import { all, type Prepare } from "./sqlite-statement.ts";
import type { Inspected, Stray } from "./store.ts";

export function inspect(prepare: Prepare): Inspected {
  const ends: { chain: string; seq: number; hash: string }[] = [];
  const strays: Stray[] = [];
  // Columns of SQLite take values of any type.
  const heads = all<{ no: number; chain: unknown; last_seq: unknown; last_hash: unknown }>(
    prepare("select no, chain, last_seq, last_hash from chain_heads order by no"),
  );
  for (const { no, chain, last_seq: seq, last_hash: hash } of heads) {
    const why = isChain(chain) ? wrongHead(no, seq, hash) : "its id is not that of a chain";
    if (why !== undefined) strays.push({ chain: String(chain), seq: known(seq), why });
    else ends.push({ chain: String(chain), seq: Number(seq), hash: hexOf(hash) });
  }
  for (const table of ["records", "runs"]) {
    for (const { no, seq } of all<{ no: number; seq: number }>(prepare(ownerlessSql(table)))) {
      strays.push({ chain: `number ${no}`, seq, why: "chain_heads does not name the chain" });
    }
  }
  return { ends, strays: [...strays, ...wrongRuns(prepare)] };
}

/** Runs that are over rows, other runs or the end of their chain: of two records one would lie. */
function wrongRuns(prepare: Prepare): Stray[] {
  const strays: Stray[] = [];
  const statement = prepare(
    `select c.chain, r.id >> 40 as no, r.id & 1099511627775 as first,
       ${safe("r.last_seq")} as last, ${safe("c.last_seq")} as head,
       exists (select 1 from records i where i.id between r.id and
         ((r.id >> 40) << 40 | ${safe("r.last_seq")})) as over
     from runs r join chain_heads c on c.no = r.id >> 40 order by r.id`,
  );
  let before = { no: -1, last: -1 };
  for (const { chain, no, first, last, head, over } of all<Extent>(statement)) {
    const overlaps = over !== 0 || (no === before.no && first <= before.last);
    if (overlaps) strays.push({ chain, seq: first, why: "a run is over what else is there" });
    else if (last < first) strays.push({ chain, seq: first, why: "column last_seq of a run" });
    else if (last > head) strays.push({ chain, seq: first, why: "a run goes on behind the end" });
    before = { no, last: Math.max(last, no === before.no ? before.last : -1) };
  }
  return strays;
}

interface Extent {
  readonly chain: string;
  readonly no: number;
  readonly first: number;
  readonly last: number;
  readonly head: number;
  readonly over: number;
}

function wrongHead(no: number, seq: unknown, hash: unknown): string | undefined {
  if (no < 1 || no > mostChains) return `chain_heads gives it the number ${no}`;
  const isSeq = typeof seq === "number" && Number.isSafeInteger(seq) && seq >= 0;
  if (!isSeq) return `chain_heads says that it ends at seq ${String(seq)}`;
  return hash instanceof Uint8Array && hash.length === 32
    ? undefined
    : "chain_heads has no hash of its last record";
}

function known(seq: unknown): number {
  return typeof seq === "number" ? seq : -1;
}

function hexOf(hash: unknown): string {
  return hash instanceof Uint8Array ? Buffer.from(hash).toString("hex") : "";
}

/** Numbers in 23 bits above seq's 40: an id is one signed integer of 64. */
const mostChains = 2 ** 23 - 1;

/** From chain to chain by the primary key: one step each, however many rows. */
function ownerlessSql(table: string): string {
  return `
  with recursive found(no) as (
    select (select id >> 40 from ${table} order by id limit 1)
    union all
    select (select id >> 40 from ${table} where id >= (no + 1) << 40 order by id limit 1)
    from found where no < ${mostChains})
  select no,
    (select id & 1099511627775 from ${table} where id >= no << 40 order by id limit 1) as seq
  from found where no is not null and no not in (select no from chain_heads)`;
}
