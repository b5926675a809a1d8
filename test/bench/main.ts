/**
 * `npm run bench`: what a call costs beside nginx and other gateways, on pinned processors.
 * `-- --full` adds the rows without a bar, `-- --only ROW` runs one, `-- --quick` is for work on
 * the gateway. BENCH_PEER=script adds a gateway, GW_CMD="bun src/main.ts" replaces the binary.
 */

import { execFileSync } from "node:child_process";
import process from "node:process";
import type { Plan } from "./measure.ts";
import { type Bar, type Row, type RowResult, rows } from "./rows.ts";
import { startUpstream } from "./targets.ts";

/**
 * After 10,000 calls compilers still take a seventh of all time; the bars were set on processes
 * that had made 100,000. The rounds that do not count end the warm-up: while the others were warmed
 * a target was quiet, and runtimes then throw compiled code away.
 */
const plans: Readonly<Record<"quick" | "usual", Plan>> = {
  quick: { rounds: 3, turnMs: 2_000, warmCalls: 10_000, warmRounds: 0 },
  usual: { rounds: 9, turnMs: 2_000, warmCalls: 60_000, warmRounds: 4 },
};

process.exit(await main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  const only = args.includes("--only") ? args[args.indexOf("--only") + 1] : undefined;
  const full = args.includes("--full");
  const quick = args.includes("--quick");
  const chosen = rows.filter((row) =>
    only === undefined ? full || row.barred : row.name === only,
  );
  if (chosen.length === 0) {
    print(`No row "${only}"\nTry: ${rows.map((row) => row.name).join(" ")}`);
    return 3;
  }
  // The load generator is this process: it shares its processor with the upstream only.
  execFileSync("taskset", ["-a", "-c", "-p", "0", String(process.pid)], { stdio: "ignore" });
  const upstream = await startUpstream();
  const bars: Bar[] = [];
  try {
    for (const row of chosen) {
      const options = { upstream: upstream.url, plan: quick ? plans.quick : plans.usual };
      const result = await row.run({ ...options, quick, full });
      report(row, result);
      bars.push(...result.bars);
    }
  } finally {
    await upstream.stop();
  }
  return verdict(bars);
}

function report(row: Row, { figures, notes }: RowResult): void {
  print(`\n${row.name}: ${row.title}`);
  if (figures.length > 0) {
    print(columns(["", "CPU µs/call", "child", "x nginx", "calls/s", "p50 ms", "p99 ms"]));
  }
  const nginx = figures.find((one) => one.target === "nginx");
  for (const one of figures) {
    const ratios = one.rounds.map((us, round) => us / (nginx?.rounds[round] ?? Number.NaN));
    const middle = [...ratios].sort((a, b) => a - b)[ratios.length >> 1] ?? Number.NaN;
    print(
      columns([
        one.target,
        one.cpuUs.toFixed(1),
        one.childCpuUs === 0 ? "" : one.childCpuUs.toFixed(1),
        nginx === undefined ? "" : middle.toFixed(2),
        one.callsPerSecond.toFixed(0),
        one.p50Ms.toFixed(3),
        one.p99Ms.toFixed(3),
      ]),
    );
  }
  for (const note of notes) print(`  ${note}`);
}

/** 0 when every bar is kept. */
function verdict(bars: readonly Bar[]): number {
  print("\nBars");
  let missed = 0;
  for (const { what, value, limit, least } of bars) {
    const kept = least === true ? value >= limit : value <= limit;
    if (!kept) missed++;
    const sign = least === true ? ">=" : "<=";
    print(`  ${kept ? "pass" : "FAIL"}  ${what}: ${value.toFixed(2)} ${sign} ${limit.toFixed(2)}`);
  }
  print(`\n${bars.length - missed} passed, ${missed} failed`);
  return missed === 0 ? 0 : 1;
}

function columns(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(30) : cell.padStart(12))).join("");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
