/** Reads the spool from outside, of a live gateway or a dead one: for the CLI. Changes nothing. */

import fs from "node:fs";
import { join } from "node:path";
import { type Frame, frameBytes } from "../base/frame.ts";
import type { ChainRecord } from "../receipt/model.ts";
import type { SpoolFile } from "./fs.ts";
import { damaged, readHeader } from "./recover.ts";
import { judgeTail, recordOf, scanFrames, segmentName, segmentOrdinal } from "./segment.ts";

/**
 * All whole records, chain after chain, each in order; the first of a chain may have a seq over 0
 * (what was shipped is gone). A live gateway's unfinished tail just ends the stream.
 * Rejects with GW_SPOOL_DAMAGED where a record in the middle does not check.
 */
export async function* readSpool(dir: string): AsyncGenerator<ChainRecord> {
  const ordinals = listOrdinals(dir);
  for (const [at, ordinal] of ordinals.entries()) {
    const file = await openToRead(join(dir, segmentName(ordinal)));
    if (file === undefined) continue;
    try {
      yield* readSegment(file, segmentName(ordinal), at === ordinals.length - 1);
    } finally {
      await file.close();
    }
  }
}

async function* readSegment(
  file: SpoolFile,
  name: string,
  newest: boolean,
): AsyncGenerator<ChainRecord> {
  const header = await readHeader(file);
  if (header === undefined) {
    const tail = await judgeTail(file, 0, undefined);
    if (tail.damaged) throw damaged(name, 0, -1, "its header does not check");
    return;
  }
  const { chain } = header.value;
  let { first: seq, prev } = header.value;
  const size = await file.size();
  for (let from = header.end; ; ) {
    const part: ChainRecord[] = [];
    const take = (frame: Frame, at: number): boolean => {
      if (part.length >= 1000 || frame.seq !== seq || frame.kind === "segment") return false;
      const record = recordOf(chain, prev, frame);
      part.push(record);
      seq += 1;
      prev = record.hash;
      from = at + frameBytes(frame.payload.length);
      return true;
    };
    const scan = await scanFrames(file, from, size, take);
    yield* part;
    if (part.length >= 1000) continue;
    await judgeEnd(file, name, scan.at, seq, newest);
    return;
  }
}

/** A live gateway may write on while this reads: only what stands still is judged. */
async function judgeEnd(
  file: SpoolFile,
  name: string,
  at: number,
  seq: number,
  newest: boolean,
): Promise<void> {
  const tail = await judgeTail(file, at, seq);
  if (!tail.damaged && (newest || tail.lostBytes === 0)) return;
  // The frame that was missing a moment ago may have been written since.
  const again = await scanFrames(file, at, await file.size(), () => false);
  if (newest && again.found === "stopped") return;
  throw damaged(name, at, seq, "whole records follow it");
}

function listOrdinals(dir: string): number[] {
  if (!fs.existsSync(dir)) return [];
  const found = fs.readdirSync(dir).map(segmentOrdinal);
  return found.filter((one) => one !== undefined).sort((a, b) => a - b);
}

/** undefined: shipped and removed meanwhile. */
async function openToRead(path: string): Promise<SpoolFile | undefined> {
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(path, "r");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
  const never = (): never => {
    throw new Error("opened to read");
  };
  return {
    size: async () => (await handle.stat()).size,
    async read(into, at) {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await handle.read(into, done, into.length - done, at + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    write: never,
    sync: never,
    truncate: never,
    reserve: never,
    close: () => handle.close(),
  };
}
