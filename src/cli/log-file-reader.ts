/** Lines of a file that grows, as `tail -F` gives them. */

import { type FileHandle, open } from "node:fs/promises";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";

/**
 * From at most `limits.logReadBytes` before its end; with `follow` then undefined and what is
 * written from then on, also to a file that took its place. `close` ends it soon.
 */
export function readLogFile(
  file: string,
  follow: boolean,
): { readonly lines: AsyncGenerator<string | undefined>; close(): void } {
  const state = { closed: false };
  const close = () => {
    state.closed = true;
  };
  return { lines: read(file, follow, state), close };
}

async function* read(
  file: string,
  follow: boolean,
  state: { readonly closed: boolean },
): AsyncGenerator<string | undefined> {
  let handle = await opened(file);
  try {
    const { size } = await handle.stat();
    const reader = lineReader(Math.max(0, size - limits.logReadBytes));
    yield* reader.next(handle);
    if (!follow) {
      // Whoever wrote it may have ended in the middle of a line.
      yield* reader.rest();
      return;
    }
    yield undefined;
    while (!state.closed) {
      yield* reader.next(handle);
      await new Promise((resolve) => setTimeout(resolve, limits.logPollMs));
      const fresh = await replaced(file, handle);
      if (fresh === undefined) continue;
      yield* reader.next(handle);
      await handle.close();
      handle = fresh;
      reader.restart();
    }
  } finally {
    await handle.close();
  }
}

async function opened(file: string): Promise<FileHandle> {
  try {
    return await open(file, "r");
  } catch (thrown) {
    const cause = (thrown as NodeJS.ErrnoException).code ?? String(thrown);
    throw fault("GW_LOG", { message: `Cannot read the log "${file}"`, cause });
  }
}

/** The file that has the name now, when it is another one (it was rotated). */
async function replaced(file: string, handle: FileHandle): Promise<FileHandle | undefined> {
  let fresh: FileHandle;
  try {
    fresh = await open(file, "r");
  } catch {
    // Between the old file and the new one there is none for a moment.
    return undefined;
  }
  const [before, now] = await Promise.all([handle.stat(), fresh.stat()]);
  if (now.ino !== before.ino) return fresh;
  await fresh.close();
  return undefined;
}

/** Reads from where it was; a line is given when its line feed is there. */
function lineReader(from: number) {
  let at = from;
  let rest: Buffer = Buffer.alloc(0);
  // In the middle of the file the first line is only the end of one.
  let cut = from > 0;
  const restart = () => {
    at = 0;
    rest = Buffer.alloc(0);
    cut = false;
  };
  return {
    restart,
    rest: () => (rest.length === 0 || cut ? [] : [rest.toString("utf8")]),
    async *next(handle: FileHandle): AsyncGenerator<string> {
      // It was emptied in place.
      if ((await handle.stat()).size < at) restart();
      const chunk = Buffer.alloc(64 * 1024);
      for (;;) {
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        const text = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        let start = 0;
        for (let end = text.indexOf(10); end !== -1; end = text.indexOf(10, start)) {
          if (!cut) yield text.toString("utf8", start, end);
          cut = false;
          start = end + 1;
        }
        rest = Buffer.from(text.subarray(start));
      }
    },
  };
}
