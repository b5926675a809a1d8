/**
 * What one plain call leaves for the collector: counted, not timed, so that any machine can judge.
 * Collecting is a quarter of what a call costs; each object here is one that all calls pay for.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import process from "node:process";
import { type Load, openLoad } from "../bench/load.ts";
import { benchPolicy } from "../bench/policy.ts";
import { startChild, type TestChild } from "../kit/child.ts";
import { startGateway } from "../kit/gateway.ts";

/** Of all kinds, by audit.mode. Measured: 62 to 80 in fast, 69 to 78 in strict. */
const mostPerCall = { fast: 95, strict: 110 };
const concurrency = 16;
/** As much as so many calls make is alive though all were answered: of each line the last. */
const mostLeft = concurrency * 3;
/** So many that the heap does not fill up and, as a rule, is not collected on the way. */
const calls = 300;

let echo: TestChild;
let url = "";
beforeAll(async () => {
  echo = startChild([
    process.execPath,
    join(import.meta.dirname, "../kit/servers/echo.ts"),
    "http",
  ]);
  [url] = await echo.says(/http:\/\/\S+/);
});
afterAll(() => echo.stop(1_000));

for (const mode of ["fast", "strict"] as const) {
  const most = mostPerCall[mode];
  test(`${mode}: a call makes at most ${most} objects, and they go when it is over`, async () => {
    const preload = join(import.meta.dirname, "../kit/heap-count.ts");
    const main = join(import.meta.dirname, "../../src/main.ts");
    await using gateway = await startGateway({
      config: { servers: { bench: { url } }, audit: { mode }, log: { level: "warn" } },
      policy: benchPolicy(),
      command: [process.execPath, "--preload", preload, main],
    });
    const token = await gateway.key("executor", "bench");
    const door = { url: `${gateway.url}/mcp`, token, tool: "bench__echo" };
    const load = await openLoad(door, { bytes: 200, shape: "text", concurrency });
    try {
      // Compiled code makes fewer, and how soon it is compiled is the machine's affair; and about
      // one count in four is up to twice the others.
      let least = { perCall: Number.POSITIVE_INFINITY, left: Number.POSITIVE_INFINITY };
      for (let tries = 0; tries < 10 && least.perCall >= most; tries++) {
        await load.run({ calls: 6_000 });
        const { made, left } = await counted(gateway.child(), load);
        const perCall = sumOf(made) / calls;
        least = { perCall, left: sumOf(left) / perCall };
      }
      expect(least.perCall).toBeLessThan(most);
      expect(least.left).toBeLessThan(mostLeft);
    } finally {
      load.close();
    }
  });
}

type Counts = Readonly<Record<string, number>>;

interface Counted {
  readonly made: Counts;
  readonly left: Counts;
  readonly whole: boolean;
}

function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Again where the collector came in between. */
async function counted(child: TestChild, load: Load): Promise<Counted> {
  for (let tries = 1; ; tries += 1) {
    const round = child.stderr().split("COUNTED ").length;
    child.process.kill("SIGUSR2");
    await child.says(new RegExp(`COUNTING ${round}\\n`));
    await load.run({ calls });
    child.process.kill("SIGUSR2");
    const [, text = ""] = await child.says(new RegExp(`COUNTED ${round} (.*)\\n`));
    const counts = JSON.parse(text) as Counted;
    if (counts.whole || tries === 10) {
      expect(counts.whole).toBe(true);
      return counts;
    }
  }
}
