/**
 * What a call comes to when its server does something wrong: the agent's code and way out, the
 * receipt's outcome, the server's state, and how soon the next call is well.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import process from "node:process";
import { type GatewayStatus, paths } from "../../src/admin/contract.ts";
import { startChild } from "../kit/child.ts";
import { freePort } from "../kit/free-port.ts";
import { alive } from "../kit/processes.ts";
import { type FaultWorld, faultEntry, faultWorld, type Kind } from "./faults-world.ts";

interface Row {
  /** Threat rows (docs/threats.md) and what the server does. */
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** Of http-faults.ts or fault-child.ts. */
  readonly fault: string;
  /** Limits of the server; else none that could fire. */
  readonly timeout?: object;
  /** Right after it. */
  readonly state: RegExp;
  /** The agent's code and what it reads; `ok`: the server's own text. */
  readonly code: string;
  readonly says: RegExp;
  readonly outcome: string;
  /** From the end of the faulty call to a good one. */
  readonly withinMs?: number;
}

const http = ["modern", "legacy"] as const;
const stdio = ["stdio"] as const;
const short = { idle: "1s", max: "2500ms" };
const long = { idle: "20s", max: "30s" };
/** A child is started again: 500 ms, and its start on a busy machine. */
const restartMs = 5_000;
const ran = /may have run.*Try: check whether it ran before you repeat it.*Receipt: r-/;
const raise = (which: string) =>
  new RegExp(
    `may have run.*Try: raise servers\\..*\\.timeout\\.${which} in the config.*Receipt: r-`,
  );

const ready = { state: /^ready$/, code: "ok", outcome: "ok" };
const idle = { ...ready, code: "GW_TIMEOUT_IDLE", says: raise("idle"), outcome: "timeout" };
const max = { ...ready, code: "GW_TIMEOUT_MAX", says: raise("max"), outcome: "timeout" };
const lost = { state: /^degraded$/, code: "GW_UPSTREAM_LOST", says: ran, outcome: "unknown" };
const died = { ...lost, state: /^(backoff|starting)$/, withinMs: restartMs };
const odd = {
  ...{ state: /^degraded$/, code: "GW_UPSTREAM_ERROR", outcome: "unknown" },
  says: /may have run.*Try: check the server's own log.*Receipt: r-/,
};
const wrongId = (id: string) => ({
  ...odd,
  says: new RegExp(
    `under another id, ${id} instead of \\d+\\..*may have run.*Try: .*mend its ids.*Receipt: r-`,
  ),
});
const refused = { ...odd, says: /answered HTTP \d+\. Try:/, outcome: "upstream_error" };
const large = {
  ...{ state: /^degraded$/, code: "GW_RESULT_TOO_LARGE", outcome: "limited" },
  says: /\d{8,} bytes: limits\.result is 16MiB.*may have run.*raise limits\.result in/,
};

const rows: readonly Row[] = [
  { name: "U20 never answers", kinds: [...http], fault: "hang", timeout: short, ...idle },
  { name: "U20 drips its answer", kinds: http, fault: "drip", timeout: short, ...idle },
  { name: "U20 is always about to", kinds: http, fault: "promises", timeout: short, ...max },
  { name: "U27 cuts the connection", kinds: http, fault: "cut", ...lost },
  { name: "U27 ends in the midst of its answer", kinds: http, fault: "short", ...lost },
  { name: "answers with a web page", kinds: http, fault: "html", ...odd },
  { name: "U21 answers with half of a JSON", kinds: http, fault: "garbage", ...odd },
  { name: "U17 answers another id", kinds: http, fault: "wrong-id", ...wrongId("999999") },
  { name: "U17 answers the id as a text", kinds: http, fault: "text-id", ...wrongId('"\\d+"') },
  { name: "U17 answers twice", kinds: http, fault: "twice", ...ready, says: /^first$/ },
  { name: "U17 answers others first", kinds: http, fault: "stray", ...ready, says: /^mine$/ },
  { name: "says 500, whatever it did", kinds: http, fault: "500", ...odd },
  { name: "says 429", kinds: http, fault: "429", ...refused },
  { name: "says 401", kinds: http, fault: "401", ...refused },
  { name: "U3 redirects", kinds: http, fault: "redirect", ...refused },
  { name: "U19 answers with a gzip bomb", kinds: http, fault: "gzip-bomb", ...odd },
  { name: "U21 answers 300 MB", kinds: http, fault: "giant", ...large },
  { name: "U21 answers 300 MB as an event", kinds: http, fault: "giant-event", ...large },
  { name: "never ends its headers", kinds: http, fault: "headers", ...lost },

  { name: "U20 never answers", kinds: stdio, fault: "silent", timeout: short, ...idle },
  {
    ...{ name: "U20 drips its answer", kinds: stdio, fault: "drip", timeout: short, ...idle },
    // What it drips comes between the lines of further answers.
    withinMs: restartMs,
  },
  { name: "U20 is always about to", kinds: stdio, fault: "promises", timeout: short, ...max },
  { name: "U15 U27 exits", kinds: stdio, fault: "dies", ...died },
  { name: "U15 U27 is killed", kinds: stdio, fault: "killed", ...died },
  { name: "U16 writes no JSON-RPC", kinds: stdio, fault: "garbage", ...odd, state: ready.state },
  { name: "U16 writes noise before", kinds: stdio, fault: "noise", ...ready, says: /^ok$/ },
  { name: "U17 answers twice", kinds: stdio, fault: "twice", ...ready, says: /^first$/ },
  { name: "U17 answers others first", kinds: stdio, fault: "stray", ...ready, says: /^mine$/ },
  { name: "U21 says a member twice", kinds: stdio, fault: "double", ...odd, state: ready.state },
  { name: "U13 R14 writes lines without end", kinds: stdio, fault: "odd", ...died },
  { name: "U13 floods without a line's end", kinds: stdio, fault: "huge", ...died },
  { name: "U13 U21 answers 300 MB", kinds: stdio, fault: "giant", ...died },
  {
    ...{ name: "U13 stops after 10 MB of a line", kinds: stdio, fault: "endless", ...idle },
    timeout: short,
    // Asked whether it is there, its answer ends that line.
    state: /^(ready|degraded)$/,
    withinMs: restartMs,
  },
  { name: "U11 leaves its group", kinds: stdio, fault: "escapes", ...ready, says: /^\d+ \d+$/ },
];

const idOf = (kind: Kind, fault: string) => `${kind}-${fault}`;
let world: FaultWorld;
const close: (() => unknown)[] = [];

beforeAll(async () => {
  const servers: Record<string, object> = {};
  for (const { kinds, fault, timeout = long } of rows) {
    for (const kind of kinds) {
      const made = await faultEntry(kind, fault);
      servers[idOf(kind, fault)] = { ...made.entry, timeout };
      close.push(made.close);
    }
  }
  world = await faultWorld(servers);
}, 60_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  for (const end of close) await end();
}, 30_000);

for (const kind of ["modern", "legacy", "stdio"] as const) {
  describe(kind === "stdio" ? "over stdio a server" : `over HTTP a ${kind} server`, () => {
    // They mostly wait, each for a server of its own.
    for (const row of rows.filter(({ kinds }) => kinds.includes(kind))) {
      const both = async () => {
        for (const by of ["modern", "legacy"] as const) await asExpected(row, kind, by);
      };
      test.concurrent(`${row.name}: ${row.code} for agents of both eras`, both, 60_000);
    }
  });
}

async function asExpected(row: Row, kind: Kind, by: "legacy" | "modern"): Promise<void> {
  const id = idOf(kind, row.fault);
  await world.well(id, "t", by);
  const seen = await world.see(id, by);
  expect(seen.text).toMatch(row.says);
  expect([seen.code, seen.outcome]).toEqual([row.code, row.outcome]);
  expect(seen.states.filter((state) => row.state.test(state))).not.toEqual([]);
  expect(seen.recoveredMs).toBeLessThan(row.withinMs ?? 2_000);
  // What it was asked after a timeout may have its answer a moment later than the call.
  for (const end = performance.now() + restartMs; performance.now() < end; await Bun.sleep(20)) {
    if ((await world.state(id)) === "ready") break;
  }
  expect(await world.state(id)).toBe("ready");
}

describe("a server that is not what it was", () => {
  test.concurrent("R13 it fails ten calls: GW_UPSTREAM_FAILING, nothing is sent, others are answered", async () => {
    const made = await faultEntry("modern", "cut");
    const entry = { ...made.entry, breaker: { failures: 10, of: 20, open: "500ms" } };
    await using one = await faultWorld({ web: entry });
    await one.well("web");
    const codes = new Set<string>();
    for (let call = 0; call < 10; call += 1) codes.add((await one.call("web", {})).code);
    expect([...codes]).toEqual(["GW_UPSTREAM_LOST"]);
    const seen = await one.see("web");
    expect(seen).toMatchObject({ code: "GW_UPSTREAM_FAILING", outcome: "upstream_down" });
    expect(seen.text).toMatch(/Try: .*Receipt: r-/);
    expect(seen.state).toBe("degraded");
    expect(seen.tookMs).toBeLessThan(1_000);
    expect(seen.recoveredMs).toBeLessThan(3_000);
    await made.close();
  }, 30_000);

  test.concurrent("it goes away and comes back: GW_UPSTREAM_DOWN meanwhile, well within 2 s", async () => {
    const port = await freePort();
    const script = join(import.meta.dirname, "../kit/servers/fault-http.ts");
    const start = () => startChild([process.execPath, script, "hang", String(port)]);
    const entry = { url: `http://127.0.0.1:${port}/mcp` };
    await using one = await faultWorld({ web: entry });
    // Nobody knows its tools yet.
    expect(await one.call("web", {})).toMatchObject({ code: "GW_UPSTREAM_DOWN" });
    expect(await one.state("web")).toBe("backoff");
    for (let round = 0; round < 2; round += 1) {
      const web = start();
      await web.says(/http/);
      expect(await one.well("web")).toBeLessThan(2_000);
      await web.kill9();
      const away = await one.call("web", {});
      expect(away.code).toBe("GW_UPSTREAM_DOWN");
      expect(away.text).toMatch(/ECONNREFUSED.*Try: `authensor-gw servers show web`.*Receipt: r-/);
      expect(await one.state("web")).toBe("backoff");
    }
  }, 30_000);

  test.concurrent("it renames its tool in a call: the old name is unknown at once, the new one works", async () => {
    const made = await faultEntry("stdio", "renames");
    await using one = await faultWorld({ io: { ...made.entry, timeout: long } });
    await one.well("io");
    expect(await one.call("io", {})).toMatchObject({ code: "ok" });
    expect(await one.well("io", "u")).toBeLessThan(2_000);
    for (const by of ["modern", "legacy"] as const) {
      const { text } = await one.agent(by).ask("tools/list");
      expect([text.includes('"io__u"'), text.includes('"io__t"')]).toEqual([true, false]);
      const old = await one.call("io", {}, by);
      expect(old.code).toBe("GW_TOOL_UNKNOWN");
    }
    expect(await one.state("io")).toBe("ready");
  }, 30_000);

  test.concurrent("U11 it ignores TERM and the end of its stdin: a restart ends it, and it is back", async () => {
    const made = await faultEntry("stdio", "stays");
    await using one = await faultWorld({ io: { ...made.entry, timeout: long } });
    await one.well("io");
    const pidOf = async () => (await one.admin.get<GatewayStatus>(paths.status)).servers[0]?.pid;
    const first = await pidOf();
    const restarted = one.admin.post(paths.serverRestart, { server: "io" });
    expect(await one.well("io")).toBeLessThan(15_000);
    await restarted;
    expect(await pidOf()).not.toBe(first);
    expect(alive(first ?? 0)).toBe(false);
    expect(await one.state("io")).toBe("ready");
  }, 40_000);

  test.concurrent("it stops (SIGSTOP): calls time out until it is asked, and it is started anew", async () => {
    const made = await faultEntry("stdio", "stops");
    const entry = { ...made.entry, timeout: { idle: "300ms", max: "1s" }, health: "500ms" };
    await using one = await faultWorld({ io: entry });
    await one.well("io");
    expect(await one.call("io", {})).toMatchObject({ code: "ok" });
    await Bun.sleep(100);
    expect(await one.call("io", { well: true })).toMatchObject({ code: "GW_TIMEOUT_IDLE" });
    // Asked at once, twice for 1 s; then the first wait, and a new process.
    const ms = await one.well("io");
    console.info(`  a stopped child: well after ${Math.round(ms)} ms`);
    expect(ms).toBeLessThan(10_000);
  }, 40_000);
});

test("U17 over HTTP an answer that names another call in flight reaches nobody", async () => {
  const id = idOf("modern", "hang");
  await world.well(id);
  const other = world.call(id, {});
  await Bun.sleep(100);
  const liar = await world.call(id, { fault: "before-id" }, "legacy");
  expect(liar.code).toBe("GW_UPSTREAM_ERROR");
  expect((await other).code).toBe("GW_TIMEOUT_IDLE");
}, 20_000);
