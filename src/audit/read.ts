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
  let last: Cursor | undefined;
  try {
    for (const ordinal of listOrdinals(dir)) {
      const begun = await begin(dir, segmentName(ordinal), onTail);
      if (begun === undefined) continue;
      const before = last;
      last = begun;
      try {
        // Until the one behind it was begun, more may have been written to the one before.
        if (before !== undefined) yield* readOn(before);
        if (before !== undefined) await judgeEnd(before, false);
      } finally {
        await before?.file.close();
      }
      yield* readOn(begun);
    }
    if (last === undefined) return;
    yield* readOn(last);
    const lost = await judgeEnd(last, true);
    if (lost > 0) onTail(lost);
  } finally {
    await last?.file.close();
  }
}

/** A segment, read up to an offset. */
interface Cursor {
  readonly file: SpoolFile;
  readonly name: string;
  readonly chain: string;
  at: number;
  /** seq of the next record, and the hash before it. */
  seq: number;
  prev: Uint8Array;
}

/** undefined: gone meanwhile, or without a header: only reserved, or torn. */
async function begin(
  dir: string,
  name: string,
  onTail: (bytes: number) => void,
): Promise<Cursor | undefined> {
  const file = await openToRead(join(dir, name));
  if (file === undefined) return undefined;
  let begun: Cursor | undefined;
  try {
    const header = await readHeader(file);
    if (header === undefined) {
      const tail = await judgeTail(file, 0, undefined);
      if (tail.damaged) throw damaged(name, 0, -1, "its header does not check");
      if (tail.lostBytes > 0) onTail(tail.lostBytes);
      return undefined;
    }
    const { chain, first: seq, prev } = header.value;
    begun = { file, name, chain, at: header.end, seq, prev };
    return begun;
  } finally {
    if (begun === undefined) await file.close();
  }
}

async function* readOn(cursor: Cursor): AsyncGenerator<ChainRecord> {
  const { file, chain } = cursor;
  for (let more = true; more; ) {
    const part: ChainRecord[] = [];
    const take = (frame: Frame, at: number): boolean => {
      if (part.length >= 1000 || frame.seq !== cursor.seq || frame.kind === "segment") return false;
      const record = recordOf(chain, cursor.prev, frame);
      part.push(record);
      cursor.seq += 1;
      cursor.prev = record.hash;
      cursor.at = at + frameBytes(frame.payload.length);
      return true;
    };
    await scanFrames(file, cursor.at, await file.size(), take);
    more = part.length >= 1000;
    yield* part;
  }
}

/**
 * Bytes that do not check. A live gateway may write on while this reads: only what stands still is
 * judged.
 */
async function judgeEnd({ file, name, at, seq }: Cursor, newest: boolean): Promise<number> {
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
