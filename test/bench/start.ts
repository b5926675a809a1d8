/** Time from spawn to the first good /health, against an empty program compiled the same way. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { compile } from "../../build.ts";
import { binaryPath } from "../kit/binary.ts";
import { startChild } from "../kit/child.ts";
import { freePort } from "../kit/free-port.ts";
import { median } from "./measure.ts";
import { benchPolicy } from "./policy.ts";
import type { RowOptions, RowResult } from "./rows.ts";
import { onGatewayCpu } from "./targets.ts";

export async function startRow({ upstream }: RowOptions): Promise<RowResult> {
  const folder = mkdtempSync(join(tmpdir(), "gw-start-"));
  try {
    const empty = await compileEmpty(folder);
    const port = await freePort();
    const config = writeConfig(folder, port, upstream);
    const ours = process.env["GW_CMD"]?.split(" ") ?? [await binaryPath()];
    const took: { empty: number[]; ours: number[] } = { empty: [], ours: [] };
    for (let round = 0; round < 20; round++) {
      const emptyMs = await untilExit([empty]);
      const oursMs = await untilHealthy([...ours, "serve", "--config", config], port);
      // The first of each reads the file from the disk.
      if (round > 0) took.empty.push(emptyMs);
      if (round > 0) took.ours.push(oursMs);
    }
    const [ms, least] = [median(took.ours), median(took.empty)];
    const value = median(took.ours.map((one, at) => one / (took.empty[at] ?? Number.NaN)));
    return {
      figures: [],
      notes: [`start to /health ${ms.toFixed(1)} ms, an empty program ${least.toFixed(1)} ms`],
      bars: [{ what: "start / empty program", value, limit: 5 }],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compileEmpty(folder: string): Promise<string> {
  const entry = join(folder, "empty.ts");
  writeFileSync(entry, "export {};\n");
  return compile({ entry, outfile: join(folder, "empty") });
}

function writeConfig(folder: string, port: number, upstream: string): string {
  const config = join(folder, "authensor-gw.yaml");
  const text = {
    listen: `127.0.0.1:${port}`,
    data_dir: "data",
    admin: { socket: "admin.sock" },
    policy: "policy.yaml",
    servers: { bench: { url: upstream } },
  };
  writeFileSync(join(folder, "policy.yaml"), benchPolicy());
  writeFileSync(config, JSON.stringify(text), { mode: 0o600 });
  return config;
}

async function untilExit(command: readonly string[]): Promise<number> {
  const start = performance.now();
  await startChild([...onGatewayCpu, ...command]).ended;
  return performance.now() - start;
}

async function untilHealthy(command: readonly string[], port: number): Promise<number> {
  const start = performance.now();
  const child = startChild([...onGatewayCpu, ...command]);
  const url = `http://127.0.0.1:${port}/health`;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined); // not listening yet
    if (answer?.ok === true) break;
    if (performance.now() - start > 20_000) throw new Error(`No /health: ${child.stderr()}`);
    await Bun.sleep(1);
  }
  const ms = performance.now() - start;
  await child.stop(5_000);
  return ms;
}
