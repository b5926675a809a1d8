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
 * Rejects with GW_SPOOL_DAMAGED where a record in the middle does not check. onTail: told how
 * many bytes behind the last record do not check; of a live gateway they may just be on the way.
 */
export async function* readSpool(
  dir: string,
  onTail: (bytes: number) => void = () => {},
): AsyncGenerator<ChainRecord> {
  const ordinals = listOrdinals(dir);
  const newest = await newestOf(dir, ordinals);
  for (const ordinal of ordinals) {
    const file = await openToRead(join(dir, segmentName(ordinal)));
    if (file === undefined) continue;
    try {
      yield* readSegment(file, segmentName(ordinal), ordinal >= newest, onTail);
    } finally {
      await file.close();
    }
  }
}

/** The last that was begun: one without a header behind it is only reserved, or torn itself. */
async function newestOf(dir: string, ordinals: readonly number[]): Promise<number> {
  for (const ordinal of ordinals.toReversed()) {
    const file = await openToRead(join(dir, segmentName(ordinal)));
    if (file === undefined) continue;
    try {
      if ((await readHeader(file)) !== undefined) return ordinal;
    } finally {
      await file.close();
    }
  }
  return ordinals.at(-1) ?? 0;
}

async function* readSegment(
  file: SpoolFile,
  name: string,
  newest: boolean,
  onTail: (bytes: number) => void,
): AsyncGenerator<ChainRecord> {
  const header = await readHeader(file);
  if (header === undefined) {
    const tail = await judgeTail(file, 0, undefined);
    if (tail.damaged) throw damaged(name, 0, -1, "its header does not check");
    if (tail.lostBytes > 0) onTail(tail.lostBytes);
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
    const lost = await judgeEnd(file, name, scan.at, seq, newest);
    if (lost > 0) onTail(lost);
    return;
  }
}

/**
 * Bytes that do not check. A live gateway may write on while this reads: only what stands still is
 * judged.
 */
async function judgeEnd(
  file: SpoolFile,
  name: string,
  at: number,
  seq: number,
  newest: boolean,
): Promise<number> {
  const tail = await judgeTail(file, at, seq);
  if (!tail.damaged && (newest || tail.lostBytes === 0)) return tail.lostBytes;
  // The frame that was missing a moment ago may have been written since.
  const again = await scanFrames(file, at, await file.size(), () => false);
  if (newest && again.found === "stopped") return 0;
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
