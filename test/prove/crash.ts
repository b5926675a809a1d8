/**
 * Promises 1 and 2: `kill -9` at random moments under load, Postgres up, frozen and down in turn;
 * then Postgres away under load, and away at the start; and the same kills with the embedded store.
 * Every answer an agent got must have exactly one intent and one outcome in the store at the end,
 * and every chain must verify.
 *
 * `--kills N` (20; 200 with `--full`) and `--outage SECONDS` (8; 30) change the length of the run.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import connect from "postgres";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { startPostgres } from "../kit/postgres.ts";
import { proof } from "../kit/proof.ts";
import { rawAgent } from "../kit/raw-agent.ts";

const run = proof("prove:crash");
const kills = run.option("kills", 20, 200);
const outageSeconds = run.option("outage", 8, 30);

const postgres = await startPostgres();
const server = join(import.meta.dir, "../kit/servers/nonce-stdio.ts");
const servers = { s: { command: [process.execPath, server] } };
const policy = 'id: p\nallow: ["s/*"]\n';
/** Argument digests of every call whose answer an agent got from the gateway that runs now. */
const acknowledged = new Set<string>();
let nonces = 0;
let gateway = await startGateway({
  config: { database: { url: postgres.adminUrl }, servers },
  policy,
});
let token = await gateway.key("executor", "load");

await killing(["up", "up", "frozen", "up", "down"], 4, 280);
await outage();
await downAtStart();
await settled(gateway);
await gateway.stop();
await audit("Postgres", await inPostgres());
await postgres.stop();

acknowledged.clear();
gateway = await startGateway({ config: { servers }, policy });
token = await gateway.key("executor", "load");
// So many that batches become rows that hold many records, and long enough for some.
await killing(["up"], 24, 800);
await settled(gateway);
await gateway.stop();
await audit("embedded store", inFile(join(gateway.folder, "data")));
await gateway[Symbol.asyncDispose]();
run.end();

/** Calls until told to stop; calls that fail with the gateway are not acknowledged. */
async function load(
  until: () => boolean,
  failures: { count: number; first?: string },
  clients = 4,
) {
  const one = async () => {
    let agent = await rawAgent(gateway.url, token).catch(() => undefined);
    while (!until()) {
      const args = { nonce: `n${nonces++}`, ms: 0 };
      try {
        agent ??= await rawAgent(gateway.url, token);
        await agent.call("s__nonce", args);
        acknowledged.add(createHash("sha256").update(JSON.stringify(args)).digest("hex"));
      } catch (thrown) {
        failures.count++;
        failures.first ??= String(thrown);
        agent = undefined;
        await Bun.sleep(5);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
}

/** longestMs: of the load before a kill, above 20 ms. */
async function killing(
  away: readonly ("up" | "frozen" | "down")[],
  clients: number,
  longestMs: number,
): Promise<void> {
  for (let i = 0; i < kills; i++) {
    const mode = away[i % away.length];
    if (i > 0) await gateway.restart();
    if (mode === "frozen") postgres.freeze();
    if (mode === "down") await postgres.kill();
    let over = false;
    const loading = load(() => over, { count: 0 }, clients);
    await Bun.sleep(20 + Math.random() * longestMs);
    await gateway.kill9();
    over = true;
    await loading;
    if (mode === "frozen") postgres.resume();
    if (mode === "down") await postgres.restart();
    if ((i + 1) % 5 === 0) {
      run.say(`kill ${i + 1} of ${kills}, store ${mode}: ${acknowledged.size} acknowledged`);
    }
  }
  await gateway.restart();
  run.say(`${kills} kills, ${acknowledged.size} calls acknowledged`);
}

async function outage(): Promise<void> {
  const failures: { count: number; first?: string } = { count: 0 };
  const before = acknowledged.size;
  let over = false;
  const loading = load(() => over, failures);
  await Bun.sleep(500);
  await postgres.kill();
  await Bun.sleep(outageSeconds * 1000);
  await postgres.restart();
  await Bun.sleep(500);
  over = true;
  await loading;
  const during = acknowledged.size - before;
  run.bar(
    `failed calls while Postgres was away ${outageSeconds} s`,
    failures.count,
    failures.count === 0,
  );
  if (failures.first !== undefined) run.say(failures.first);
  run.say(`${during} calls during the outage`);
}

async function downAtStart(): Promise<void> {
  await settled(gateway);
  await gateway.stop();
  await postgres.shutdown();
  await gateway.restart();
  const failures: { count: number; first?: string } = { count: 0 };
  let over = false;
  const loading = load(() => over, failures);
  await Bun.sleep(1000);
  over = true;
  await loading;
  const ready = await (await fetch(`${gateway.url}/ready`)).text();
  const strange = await fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: { authorization: `Bearer agw_${"A".repeat(43)}` },
  });
  run.bar("failed calls after a start without Postgres", failures.count, failures.count === 0);
  if (failures.first !== undefined) run.say(failures.first);
  run.bar(
    "/ready says that the store is stale",
    String(ready.includes("stale")),
    ready.includes("stale"),
  );
  run.bar("an unknown key meanwhile gets", strange.status, strange.status === 401);
  await postgres.restart();
}

/** Waits until everything is shipped. */
async function settled(at: TestGateway): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const status = await at.cli("status", "--json");
    const seen: { audit?: { spoolRecords: number } } =
      status.code === 0 ? JSON.parse(status.stdout) : {};
    if (seen.audit?.spoolRecords === 0) return;
    await Bun.sleep(100);
  }
  run.bar("everything was shipped within 60 s", "no", false);
}

interface Stored {
  readonly chain: string;
  readonly seq: string | number;
  readonly kind: string;
  readonly body: Uint8Array;
}

async function inPostgres(): Promise<readonly Stored[]> {
  const sql = connect(postgres.adminUrl, { max: 1 });
  const rows = await sql<Stored[]>`
    select chain::text, seq::text, kind, body from receipts order by chain, seq`;
  await sql.end();
  return rows;
}

function inFile(dataDir: string): readonly Stored[] {
  const database = new DatabaseSync(join(dataDir, "store.db"), { readOnly: true });
  const rows = database.prepare("select chain, seq, kind, body from receipts").all();
  const runs = database.prepare("select count(*) as n from runs").get()?.["n"];
  database.close();
  run.bar("rows that hold many records", Number(runs), Number(runs) > 0);
  return rows as unknown as readonly Stored[];
}

async function audit(store: string, bodies: readonly Stored[]): Promise<void> {
  const intents = new Map<string, { count: number; at: string }>();
  const outcomes = new Map<string, string[]>();
  for (const { chain, seq, kind, body } of bodies) {
    const fields: Record<string, unknown> = JSON.parse(new TextDecoder().decode(body));
    if (kind === "intent") {
      const digest = String(fields["args_hash"] ?? fields["argsHash"] ?? fields["args_sha256"]);
      intents.set(digest, { count: (intents.get(digest)?.count ?? 0) + 1, at: `${chain} ${seq}` });
    } else if (kind === "outcome") {
      const at = `${chain} ${fields["of"]}`;
      outcomes.set(at, [...(outcomes.get(at) ?? []), String(fields["outcome"])]);
    }
  }
  let missing = 0;
  let doubled = 0;
  for (const digest of acknowledged) {
    const intent = intents.get(digest);
    const ends = intent === undefined ? [] : (outcomes.get(intent.at) ?? []);
    if (intent === undefined || ends.length === 0 || ends[0] !== "ok") missing++;
    else if (intent.count > 1 || ends.length > 1) doubled++;
  }
  run.bar(`${store}: acknowledged calls`, acknowledged.size, acknowledged.size > kills);
  run.bar(`${store}: acknowledged receipts missing`, missing, missing === 0);
  run.bar(`${store}: acknowledged receipts doubled`, doubled, doubled === 0);
  const open = [...intents.values()].filter(({ at }) => (outcomes.get(at) ?? []).length !== 1);
  run.bar(`${store}: intents without exactly one outcome`, open.length, open.length === 0);
  const verified = await gateway.cli("receipts", "verify");
  run.bar(`${store}: receipts verify`, `exit ${verified.code}`, verified.code === 0);
  run.say(verified.stdout.trim() || verified.stderr.trim());
}
