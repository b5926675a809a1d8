/** The rows of the table and the bars they must keep: what was measured, with some room. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { diskSyncMs } from "./disk.ts";
import type { Work } from "./load.ts";
import { type Figures, measure, type Plan, ratio } from "./measure.ts";
import { memoryRow } from "./memory.ts";
import { peersFolder } from "./peers.ts";
import { startRow } from "./start.ts";
import * as targets from "./targets.ts";

/** One bar: a figure that must not be over (or, with `least`, under) its limit. */
export interface Bar {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
  readonly least?: boolean;
}

export interface RowResult {
  readonly figures: readonly Figures[];
  readonly notes: readonly string[];
  readonly bars: readonly Bar[];
}

export interface RowOptions {
  readonly upstream: string;
  readonly plan: Plan;
  /** Leave out what takes long or must be installed: for work on the gateway itself. */
  readonly quick: boolean;
  /** Add the targets that have no bar. */
  readonly full: boolean;
}

export interface Row {
  readonly name: string;
  readonly title: string;
  /** Runs without --full. */
  readonly barred: boolean;
  run(options: RowOptions): Promise<RowResult>;
}

export const rows: readonly Row[] = [
  {
    ...{ name: "cpu200", title: "200 B text, 32 concurrent, HTTP upstream", barred: true },
    async run(options) {
      const work: Work = { bytes: 200, shape: "text", concurrency: 32 };
      const found = await compare(options, work, ["nginx", "fast", "strict", "mcp-proxy"]);
      const bars = [
        under("CPU 200 B fast / nginx", found, "fast", "nginx", 2.3),
        under("CPU 200 B strict / nginx", found, "strict", "nginx", 3.0),
      ];
      if (found.has("mcp-proxy")) {
        bars.push(over("CPU 200 B mcp-proxy / fast", found, "mcp-proxy", "fast", 6));
        bars.push(over("CPU 200 B mcp-proxy / strict", found, "mcp-proxy", "strict", 4.5));
      }
      return { figures: [...found.values()], notes: [], bars };
    },
  },
  {
    ...{ name: "cpu10k", title: "10 kB text, 32 concurrent, HTTP upstream", barred: true },
    run: (options) => oneBar(options, 10_000, "CPU 10 kB strict / nginx", 3.6),
  },
  {
    ...{ name: "cpu1m", title: "1 MB text, 32 concurrent, HTTP upstream", barred: true },
    run: (options) => oneBar(options, 1_000_000, "CPU 1 MB strict / nginx", 5.5),
  },
  {
    ...{ name: "latency", title: "200 B text, 1 concurrent, HTTP upstream", barred: true },
    async run(options) {
      const folder = mkdtempSync(join(tmpdir(), "gw-disk-"));
      const before = diskSyncMs(folder);
      const work: Work = { bytes: 200, shape: "text", concurrency: 1 };
      const found = await compare(options, work, ["nginx", "strict"]);
      const sync = Math.max(before, diskSyncMs(folder));
      rmSync(folder, { recursive: true });
      const limit = 1.3 * figure(found, "nginx").p50Ms + 2.2 * sync;
      const value = figure(found, "strict").p50Ms;
      return {
        figures: [...found.values()],
        notes: [`disk: fdatasync p50 ${sync.toFixed(3)} ms`],
        bars: [{ what: "p50 ms, 1 concurrent, strict", value, limit }],
      };
    },
  },
  { name: "start", title: "start to /health", barred: true, run: startRow },
  { name: "memory", title: "memory, strict", barred: true, run: memoryRow },
  plain("c256", "200 B text, 256 concurrent, HTTP upstream", {
    ...{ bytes: 200, shape: "text", concurrency: 256 },
  }),
  plain("dense200", "200 B dense JSON, 32 concurrent, HTTP upstream", {
    ...{ bytes: 200, shape: "dense", concurrency: 32 },
  }),
  plain("dense10k", "10 kB dense JSON, 32 concurrent, HTTP upstream", {
    ...{ bytes: 10_000, shape: "dense", concurrency: 32 },
  }),
  plain("dense1m", "1 MB dense JSON, 32 concurrent, HTTP upstream", {
    ...{ bytes: 1_000_000, shape: "dense", concurrency: 32 },
  }),
  stdio("stdio200", "200 B text, 32 concurrent, stdio upstream", 200, 32),
  stdio("stdio256", "200 B text, 256 concurrent, stdio upstream", 200, 256),
  stdio("stdio10k", "10 kB text, 32 concurrent, stdio upstream", 10_000, 32),
  stdio("stdio1m", "1 MB text, 32 concurrent, stdio upstream", 1_000_000, 32),
];

function plain(name: string, title: string, work: Work): Row {
  const which = ["nginx", "fast", "strict", "sdk"];
  return { name, title, barred: false, run: (options) => unbarred(options, work, which) };
}

function stdio(name: string, title: string, bytes: number, concurrency: number): Row {
  const work: Work = { bytes, shape: "text", concurrency };
  // mcp-proxy ends by itself after some 3,000 calls of a megabyte.
  const which = ["nginx", "stdio", ...(bytes < 1_000_000 ? ["mcp-proxy"] : [])];
  return { name, title, barred: false, run: (options) => unbarred(options, work, which) };
}

async function unbarred(options: RowOptions, work: Work, which: string[]): Promise<RowResult> {
  const found = await compare(options, work, which);
  return { figures: [...found.values()], notes: [], bars: [] };
}

async function oneBar(options: RowOptions, bytes: number, what: string, limit: number) {
  const work: Work = { bytes, shape: "text", concurrency: 32 };
  const found = await compare(options, work, ["nginx", "strict"]);
  const bars = [under(what, found, "strict", "nginx", limit)];
  return { figures: [...found.values()], notes: [], bars };
}

type Found = ReadonlyMap<string, Figures>;

/** Starts the named targets together, measures them in turn, stops them. */
async function compare(options: RowOptions, work: Work, which: readonly string[]): Promise<Found> {
  const names = which.filter((name) => !(options.quick && name === "mcp-proxy"));
  if (options.full && !names.includes("sdk") && !names.includes("stdio")) names.push("sdk");
  if (process.env["BENCH_PEER"] !== undefined) names.push("peer");
  const running: targets.Target[] = [];
  try {
    for (const name of names) running.push(await startTarget(name, work, options));
    const figures = await measure(running, work, options.plan);
    return new Map(names.map((name, at) => [name, figures[at] as Figures]));
  } finally {
    for (const target of running) await target.stop();
  }
}

async function startTarget(
  name: string,
  { bytes }: Work,
  { upstream, quick }: RowOptions,
): Promise<targets.Target> {
  if (name === "nginx") return targets.startNginx(upstream);
  if (name === "stdio") return targets.startOurs({ mode: "strict", upstream: undefined, bytes });
  if (name === "fast" || name === "strict") {
    return targets.startOurs({ mode: name, upstream, bytes });
  }
  if (name === "sdk") return targets.startSdkGateway(upstream);
  if (name === "peer") return targets.startPeer(process.env["BENCH_PEER"] ?? "", upstream);
  return targets.startMcpProxy(peersFolder(quick));
}

function under(what: string, found: Found, a: string, b: string, limit: number): Bar {
  return { what, value: ratio(figure(found, a), figure(found, b)), limit };
}

function over(what: string, found: Found, a: string, b: string, limit: number): Bar {
  return { ...under(what, found, a, b, limit), least: true };
}

function figure(found: Found, name: string): Figures {
  const figures = found.get(name);
  if (figures === undefined) throw new Error(`No figures of ${name}`);
  return figures;
}
