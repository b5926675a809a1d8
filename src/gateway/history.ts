/**
 * What happened in the last 24 hours, on disk: `doctor` explains with it what is over, and what was
 * before the gateway ended. Lines of JSON in a ring of files, data_dir/history; no call waits.
 */

import fs from "node:fs";
import { join } from "node:path";
import type { ErrorCode } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";

/** Times are wall ms. Texts are `printable` and hold no secret. */
export type HistoryEntry =
  /** A run of the gateway; `stop` is missing where it was killed. */
  | { readonly kind: "start"; readonly at: number; readonly pid: number; readonly version: string }
  | { readonly kind: "stop"; readonly at: number }
  /** A new state of a server (`UpstreamState`), of the store, the keys or the spool. */
  | {
      readonly kind: "state";
      readonly at: number;
      readonly of: "server" | "store" | "keys" | "spool";
      /** Id of the server, else "". */
      readonly id: string;
      readonly state: string;
      readonly ok: boolean;
      readonly why: string;
      /** What that meant then, and for how many keys; absent where it is well. */
      readonly effect?: string;
    }
  /** What agents were refused or calls ended with, counted over a moment. */
  | {
      readonly kind: "trouble";
      readonly at: number;
      readonly firstAt: number;
      readonly link: "agent" | "gateway" | "server";
      readonly code: ErrorCode;
      /** Server, key or "". */
      readonly what: string;
      readonly why: string;
      readonly count: number;
      /** Ids of the first few. */
      readonly receipts: readonly string[];
    }
  /** Numbers as they are now and then; `loop_lag` is the worst since the last ones. */
  | {
      readonly kind: "gauges";
      readonly at: number;
      readonly used: Readonly<Record<string, number>>;
    };

export interface HistoryWriter {
  /** Never throws and never waits; what cannot be written is left out. */
  add(entry: HistoryEntry): void;
  /** The last entry, on disk when this returns. */
  close(last: HistoryEntry): void;
}

const folderName = "history";

/** `failed` is told once when writing begins to fail. */
export function openHistory(dataDir: string, failed: (cause: string) => void): HistoryWriter {
  const folder = join(dataDir, folderName);
  let pending = "";
  let flushing = false;
  let told = false;
  let segment: Segment | undefined;

  function current(now: number, bytes: number): string {
    segment ??= lastSegment(folder, now);
    const full = segment === undefined || segment.bytes + bytes > limits.historySegmentBytes;
    if (segment === undefined || full || now > segment.until) {
      const names = segmentsOf(folder);
      const next = Number(names.at(-1)?.slice(0, 8) ?? 0) + 1;
      // The new one counts too.
      const old = names.slice(0, Math.max(0, names.length - limits.historySegments + 1));
      for (const name of old) fs.rmSync(join(folder, name), { force: true });
      const path = join(folder, `${String(next).padStart(8, "0")}.jsonl`);
      segment = { path, bytes: 0, until: now + limits.historySegmentMs };
    }
    segment.bytes += bytes;
    return segment.path;
  }

  const fail = (thrown: unknown) => {
    segment = undefined;
    if (!told) failed(thrown instanceof Error ? thrown.message : String(thrown));
    told = true;
  };

  async function flush(): Promise<void> {
    // What is added in the same turn goes with it.
    await undefined;
    while (pending !== "") {
      const text = pending;
      pending = "";
      try {
        const path = current(Date.now(), Buffer.byteLength(text));
        await fs.promises.appendFile(path, text, { mode: 0o600 });
        told = false;
      } catch (thrown) {
        fail(thrown);
      }
    }
    flushing = false;
  }

  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    fail(thrown);
  }
  return {
    add(entry) {
      // A disk that hangs must not fill the memory.
      if (pending.length > limits.historyPendingChars) return;
      pending += `${JSON.stringify(entry)}\n`;
      if (flushing) return;
      flushing = true;
      void flush();
    },
    close(last) {
      const text = `${pending}${JSON.stringify(last)}\n`;
      pending = "";
      try {
        fs.appendFileSync(current(last.at, Buffer.byteLength(text)), text, { mode: 0o600 });
      } catch (thrown) {
        fail(thrown);
      }
    },
  };
}

/**
 * Entries since a time, oldest first; what a crash tore is left out. Empty where no gateway was.
 * Throws what the file system throws where it may not be read.
 */
export function readHistory(dataDir: string, sinceMs: number): readonly HistoryEntry[] {
  const folder = join(dataDir, folderName);
  const entries: HistoryEntry[] = [];
  for (const name of segmentsOf(folder)) {
    const path = join(folder, name);
    // It was written to the end before that.
    if (fs.statSync(path).mtimeMs < sinceMs - limits.historySegmentMs) continue;
    for (const line of fs.readFileSync(path, "utf8").split("\n")) {
      const entry = entryOf(line);
      if (entry !== undefined && entry.at >= sinceMs) entries.push(entry);
    }
  }
  return entries;
}

interface Segment {
  readonly path: string;
  bytes: number;
  /** Wall ms. */
  readonly until: number;
}

/** The one that the last run wrote: a gateway that starts again and again keeps its day. */
function lastSegment(folder: string, now: number): Segment | undefined {
  const name = segmentsOf(folder).at(-1);
  if (name === undefined) return undefined;
  const path = join(folder, name);
  const text = fs.readFileSync(path, "utf8");
  const first = entryOf(text.slice(0, text.indexOf("\n")));
  // A clock that was ahead then would keep this one open until it is there again.
  if (first === undefined || first.at > now) return undefined;
  // A line that a crash tore would take the next one with it.
  if (!text.endsWith("\n")) fs.appendFileSync(path, "\n");
  return { path, bytes: fs.statSync(path).size, until: first.at + limits.historySegmentMs };
}

function segmentsOf(folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .sort();
}

/** Only the gateway writes here: what parses and has a kind is taken. */
function entryOf(line: string): HistoryEntry | undefined {
  if (line === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // the line that a power cut tore
  }
  if (!isObject(value)) return undefined;
  const known = kinds.includes(textOf(value, "kind")) && typeof member(value, "at") === "number";
  return known ? (value as unknown as HistoryEntry) : undefined;
}

const kinds = ["start", "stop", "state", "trouble", "gauges"];

function textOf(value: JsonObject, key: string): string {
  const found = member(value, key);
  return typeof found === "string" ? found : "";
}
