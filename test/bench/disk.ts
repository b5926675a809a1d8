/** What the disk itself takes to make a small record durable, in the same run. */

import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { median } from "./measure.ts";

/** Median of 300 writes of 1 KiB into written space, each with fdatasync, ms. */
export function diskSyncMs(folder: string): number {
  const path = join(folder, "sync");
  const file = openSync(path, "w");
  const record = Buffer.alloc(1024, 1);
  writeSync(file, Buffer.alloc(300 * 1024), 0, 300 * 1024, 0);
  fdatasyncSync(file);
  const took: number[] = [];
  for (let n = 0; n < 300; n++) {
    const start = performance.now();
    writeSync(file, record, 0, record.length, n * 1024);
    fdatasyncSync(file);
    took.push(performance.now() - start);
  }
  closeSync(file);
  rmSync(path);
  return median(took);
}
