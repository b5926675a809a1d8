/** Faults of the gateway itself: its start, its files, its process, its store. */

import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "../kit/free-port.ts";
import { startGateway } from "../kit/gateway.ts";
import { asOwner, type TestPostgres } from "../kit/postgres.ts";
import { echo } from "../kit/servers.ts";
import { type Bench, type FaultCase, post, runCommand, untilState } from "./cases.ts";
import { isAway, loadFaults } from "./faults-load.ts";

const file = (bench: Bench, name: string) => join(bench.gateway.folder, name);
const signal = (bench: Bench, name: NodeJS.Signals) =>
  process.kill(bench.gateway.child().pid, name);

const sealed = join(tmpdir(), `gw-seal-${process.pid}`);

/** These gateways fail at their start: that is the fault. */
const failing = { expectFailure: true } as const;

export const gatewayFaults: readonly FaultCase[] = [
  {
    name: "another program has the port",
    guide: "Common causes include port conflicts",
    gateway: failing,
    async before(bench) {
      const port = await freePort();
      const server = createServer().listen(port, "127.0.0.1");
      bench.later(() => server.close());
      return { config: { listen: `localhost:${port}`, auth: "none" } };
    },
    fault: (bench) => bench.gateway.child().ended,
    finds: { link: "gateway", code: "GW_PORT_TAKEN", saw: /127\.0\.0\.1:\d+/, fix: /`listen`/ },
  },
  {
    name: "a variable that the config names is missing",
    guide: "Common causes include missing environment variables",
    gateway: { ...failing, config: { database: "${NO_SUCH_DATABASE_URL}" } },
    finds: {
      link: "gateway",
      code: "GW_VARIABLE",
      saw: /NO_SUCH_DATABASE_URL/,
      fix: /set NO_SUCH/,
    },
  },
  {
    name: "the database cannot be reached at the start, and is required",
    guide: "Common causes include database connection failures",
    gateway: {
      ...failing,
      config: { database: { url: "postgres://me@127.0.0.1:1/x", required_at_start: true } },
    },
    finds: {
      link: "gateway",
      code: "GW_DATABASE",
      saw: /127\.0\.0\.1:1 refused/,
      cause: /no database listens/,
    },
  },
  {
    name: "a line of the config is wrong",
    guide: "check the gateway logs for startup errors",
    gateway: { ...failing, config: { polcy: "policy.yaml" } },
    finds: { link: "gateway", code: "GW_CONFIG", saw: /polcy/, fix: /policy/ },
  },
  {
    name: "the policy file does not load at the start",
    gateway: { ...failing, policy: "id: p\nallwo: ['*']\n" },
    finds: { link: "gateway", code: "GW_POLICY", cause: /policy\.yaml:2/ },
  },
  {
    name: "a file is where data_dir should be",
    gateway: { ...failing, config: { data_dir: "policy.yaml" } },
    finds: { link: "gateway", code: "GW_DATA_DIR", saw: /policy\.yaml/ },
  },
  {
    name: "another gateway owns data_dir",
    async before(bench) {
      const other = await startGateway({ program: bench.program, config: { auth: "none" } });
      bench.later(() => other[Symbol.asyncDispose]());
      const socket = join(other.folder, "admin.sock");
      const config = { data_dir: join(other.folder, "data"), admin: { socket } };
      return { config: { ...config, auth: "none" }, expectFailure: true };
    },
    fault: (bench) => bench.gateway.child().ended,
    finds: { link: "gateway", code: "GW_OWNED", cause: /process \d+/ },
  },
  {
    name: "the config names no policy",
    async before() {
      return { config: { policy: [] } };
    },
    finds: { link: "gateway", code: "GW_NO_POLICY", fix: /init/ },
    agent: async (bench) => {
      await bench.gateway.key("executor", "other");
      return (await import("./cases.ts")).call(bench, "notes__echo");
    },
    agentSays: /GW_(NO_POLICY|TOOL_UNKNOWN)/,
  },
  {
    name: "the policy was changed and not loaded",
    guide: "Review the policy to confirm the expected tools are permitted",
    async fault(bench) {
      writeFileSync(file(bench, "policy.yaml"), 'id: p\nallow: ["files/*"]\n');
    },
    finds: { link: "gateway", code: "GW_STALE", severity: "warning", fix: /authensor-gw reload/ },
    mend: "command",
  },
  {
    name: "the policy file was broken while the gateway runs",
    async fault(bench) {
      writeFileSync(file(bench, "policy.yaml"), "id: p\nallow: [\n");
    },
    finds: { link: "gateway", code: "GW_POLICY", cause: /policy\.yaml/ },
    mend: async (bench) => writeFileSync(file(bench, "policy.yaml"), 'id: p\nallow: ["*"]\n'),
  },
  {
    name: "a reload was refused for a wrong line of the config",
    async fault(bench) {
      const config = file(bench, "authensor-gw.yaml");
      const good = readFileSync(config, "utf8");
      writeFileSync(config, good.replace('"policy"', '"polcy"'));
      signal(bench, "SIGHUP");
      await bench.gateway.child().says(/reload refused/);
      writeFileSync(config, good);
    },
    finds: { link: "gateway", code: "GW_RELOAD", severity: "warning", cause: /yaml:\d+:\d+/ },
    mend: (bench) => runCommand(bench, "authensor-gw reload"),
  },
  {
    name: "a changed port waits for a restart",
    async fault(bench) {
      const config = file(bench, "authensor-gw.yaml");
      const good = readFileSync(config, "utf8");
      bench.later(() => writeFileSync(config, good));
      writeFileSync(config, good.replace('"listen": "localhost', '"listen": "127.0.0.1'));
      await runCommand(bench, "authensor-gw reload");
    },
    finds: { link: "gateway", code: "GW_RELOAD_RESTART", severity: "warning", saw: /listen/ },
  },
  {
    name: "the config was changed after the start",
    async fault(bench) {
      // /health answers a moment before the start is over.
      const soon = new Date(Date.now() + 2_000);
      utimesSync(bench.gateway.config, soon, soon);
    },
    finds: { link: "gateway", code: "GW_STALE", fix: /authensor-gw reload/ },
  },
  {
    name: "the seal key was changed after the start",
    async before(bench) {
      bench.later(() => rmSync(sealed, { force: true }));
      writeFileSync(sealed, "5e".repeat(32), { mode: 0o600 });
      return { config: { seal_key: `\${file:${sealed}}`, servers: { notes: echo() } } };
    },
    async fault() {
      writeFileSync(sealed, "6f".repeat(32));
    },
    finds: { link: "gateway", code: "GW_STALE", saw: /seal_key/, fix: /restart the gateway/ },
  },
  {
    name: "the gateway's process is stopped by a signal",
    async fault(bench) {
      signal(bench, "SIGSTOP");
      bench.later(() => signal(bench, "SIGCONT"));
    },
    finds: { link: "gateway", code: "GW_SILENT", cause: /STOP/, fix: /^kill -CONT \d+$/ },
    mend: "command",
  },
  {
    name: "the gateway has nearly all the files open it may have",
    guide: "Check resource exhaustion: connection pool exhaustion causes intermittent failures",
    possible: Bun.which("prlimit") !== null,
    async fault(bench) {
      const { pid } = bench.gateway.child();
      const { readdirSync } = await import("node:fs");
      const most = readdirSync(`/proc/${pid}/fd`).length + 1;
      const limit = bench.child(["prlimit", "--pid", String(pid), `--nofile=${most}:`]);
      if ((await limit.ended) !== 0) throw new Error(limit.stderr());
    },
    finds: { link: "gateway", code: "GW_FILE_HANDLES", fix: /^prlimit --pid \d+/ },
    mend: "command",
  },
  {
    name: "the clock was set back",
    async fault(bench) {
      const later = Date.now() + 3_600_000;
      const entry = { kind: "gauges", at: later, used: { loop_lag: 0 } };
      const { appendFileSync } = await import("node:fs");
      appendFileSync(file(bench, "data/history/00000001.jsonl"), `${JSON.stringify(entry)}\n`);
    },
    finds: { link: "gateway", code: "GW_CLOCK", saw: /in the future/, cause: /set back/ },
  },
  {
    name: "the store's file is damaged",
    gateway: failing,
    async before() {
      return { config: { auth: "none" } };
    },
    async fault(bench) {
      await bench.gateway.child().says(/gateway is up/);
      await bench.gateway.stop();
      for (const name of ["store.db-wal", "store.db-shm"])
        rmSync(file(bench, `data/${name}`), { force: true });
      writeFileSync(file(bench, "data/store.db"), "this is no database".repeat(500));
    },
    finds: { link: "gateway", code: "GW_DATABASE" },
  },
  {
    name: "the disk of data_dir is full",
    guide: "Check resource exhaustion. Monitor the gateway's resource consumption",
    possible: process.getuid?.() === 0 && existsSync("/proc/self/mounts"),
    async before(bench) {
      const folder = `/tmp/gw-full-${process.pid}`;
      mkdirSync(folder, { recursive: true });
      const mounted = bench.child(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", folder]);
      if ((await mounted.ended) !== 0) throw new Error(`no tmpfs: ${mounted.stderr()}`);
      bench.later(async () => {
        await bench.child(["umount", "-l", folder]).ended;
        if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
      });
      return { config: { data_dir: folder } };
    },
    finds: { link: "gateway", code: "GW_DISK", saw: /MiB are free/ },
  },
];

/** Of one database for all of them. */
export function databaseFaults(postgres: () => TestPostgres): readonly FaultCase[] {
  let adminUrl = "";
  const fresh = async () => {
    const made = await postgres().database(`d${Date.now()}`);
    adminUrl = made.adminUrl;
    return made.url;
  };
  const owner = (sql: string) => asOwner(adminUrl, sql);
  const before = async () => {
    const database = await fresh();
    await owner("grant all on schema public to gateway");
    return { config: { database, servers: { notes: echo() } } };
  };
  const works = async (bench: Bench) => {
    await untilState(bench, "notes", "ready");
    return (await import("./cases.ts")).call(bench, "notes__echo", { text: "x" });
  };
  const endLock = async (bench: Bench) => {
    const { findings } = await bench.doctor();
    const lock = findings.find(({ code }) => code === "GW_DB_LOCK");
    await owner(lock?.fix ?? "the lock is not found");
  };
  return [
    {
      name: "the database is away",
      screen: { keys: ["6"], until: isAway },
      guide: "Check database connectivity. The gateway writes audit receipts to PostgreSQL",
      before,
      async fault(bench) {
        await bench.token();
        await postgres().kill();
      },
      finds: {
        link: "gateway",
        code: "GW_DATABASE",
        saw: /database: 127\.0\.0\.1:\d+ refused/,
        fix: /start the database/,
      },
      // Calls go on, from the spool.
      agent: works,
      agentSays: /^200 /,
      mend: () => postgres().restart(),
    },
    {
      name: "the database is frozen",
      guide: "If the database is slow, gateway operations degrade",
      before,
      async fault(bench) {
        await bench.token();
        postgres().freeze();
        bench.later(() => postgres().resume());
      },
      finds: { link: "gateway", code: "GW_DB_SILENT", saw: /does not answer/ },
      agent: works,
      agentSays: /^200 /,
      mend: async () => postgres().resume(),
    },
    {
      name: "the database has no connection left for the gateway",
      guide: "If the database connection pool is exhausted, gateway operations degrade",
      before,
      async fault(bench) {
        await bench.token();
        await owner("alter role gateway connection limit 0");
        bench.later(() => owner("alter role gateway connection limit -1"));
      },
      finds: {
        link: "gateway",
        code: "GW_DB_POOL",
        fix: /^alter role gateway connection limit -1/,
      },
      mend: "sql",
      owner,
    },
    {
      name: "another session holds a lock",
      before,
      async fault(bench) {
        await holdLock(bench, adminUrl);
      },
      finds: {
        link: "gateway",
        code: "GW_DB_LOCK",
        saw: /lock on receipts/,
        fix: /^select pg_terminate_backend\(\d+\);$/,
      },
      mend: "sql",
      owner,
    },
    {
      name: "a grant was taken back",
      before,
      async fault(bench) {
        await bench.token();
        await owner("revoke insert on receipts from gateway");
        bench.later(() => owner("grant insert on receipts to gateway"));
      },
      finds: {
        link: "gateway",
        code: "GW_DB_GRANT",
        saw: /INSERT on receipts/,
        fix: /grant insert on receipts to gateway;/,
      },
      mend: "sql",
      owner,
    },
    ...loadFaults({ before, works, owner, endLock, lock: (bench) => holdLock(bench, adminUrl) }),
    emptyDatabase(fresh),
  ];
}

/** Another session, in the middle of a transaction that has the table for itself. */
async function holdLock(bench: Bench, url: string): Promise<void> {
  const { default: connect } = await import("postgres");
  const sql = connect(url, { max: 1, onnotice: () => {} });
  bench.later(() => sql.end({ timeout: 0 }).catch(() => undefined));
  const held = Promise.withResolvers<void>();
  sql
    .begin(async (tx) => {
      await tx`lock table receipts in access exclusive mode`;
      held.resolve();
      await new Promise((resolve) => setTimeout(resolve, 30_000).unref());
    })
    .catch(() => undefined); // doctor's fix ends it: that is the case
  await held.promise;
}

function emptyDatabase(fresh: () => Promise<string>): FaultCase {
  return {
    name: "the database has none of the gateway's tables",
    async before() {
      return { config: { database: await fresh() }, expectFailure: true };
    },
    fault: (bench) => bench.gateway.child().says(/gateway is up/),
    finds: { link: "gateway", code: "GW_DB_TABLES", saw: /receipts/ },
    agent: (bench) => post(`${bench.gateway.url}/mcp`, `agw_${"A".repeat(43)}`),
    agentSays: /GW_KEYS_UNAVAILABLE/,
  };
}
