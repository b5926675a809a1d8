/**
 * The event stream: one ring of batches for all who watch, and a cursor for each. A watcher takes
 * what it can: one that is slow or dead holds a cursor and nothing else.
 */

import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { LiveBatch, LiveSnapshot } from "./contract.ts";

/** What the stream is made of; asked only while somebody watches. */
export interface LiveSource {
  snapshot(): Omit<LiveSnapshot, "seq">;
  /** What changed since it was last asked; undefined: nothing; lost: more than is still known. */
  changes(): Omit<LiveBatch, "seq"> | "lost" | undefined;
}

export interface LiveFeed {
  snapshot(): LiveSnapshot;
  /**
   * The bytes of one event stream. `after`: the last seq the watcher has; undefined: none.
   * `stillMay` throws when the watcher's key is no more: then the stream ends.
   * Throws GW_WATCHERS_FULL.
   */
  watch(after: number | undefined, stillMay: () => void): ReadableStream<Uint8Array>;
  watchers(): number;
  /** Ends all streams. */
  close(): void;
}

interface Batch {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

interface Watcher {
  /** seq of the last batch it has; -1: it needs a snapshot. */
  seq: number;
  /** Set while its reader asks for more. */
  wake: (() => void) | undefined;
  /** Monotonic ms of the last bytes, and of the last snapshot. */
  sentAt: number;
  snapshotAt: number;
  readonly stillMay: () => void;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

export function createFeed(source: LiveSource, clock: Clock): LiveFeed {
  const watchers = new Set<Watcher>();
  const ring: Batch[] = [];
  let ringBytes = 0;
  // From run to run seq grows, so that an id of an earlier run is a gap and no place in this ring.
  let seq = clock.now();
  let stopTimer: (() => void) | undefined;

  const snapshot = (): LiveSnapshot => ({ seq, ...source.snapshot() });

  /** Puts what changed into the ring. */
  function collect(): void {
    const changes = source.changes();
    if (changes === undefined) return;
    seq += 1;
    if (changes === "lost") {
      ring.length = 0;
      ringBytes = 0;
      return;
    }
    const bytes = encode("batch", seq, { seq, ...changes });
    ring.push({ seq, bytes });
    ringBytes += bytes.length;
    while (ringBytes > limits.liveRingBytes) ringBytes -= ring.shift()?.bytes.length ?? 0;
  }

  /** What this watcher gets next; undefined: it has everything, or has to wait. */
  function next(watcher: Watcher, now: number): Uint8Array | undefined {
    if (watcher.seq === seq) {
      return now - watcher.sentAt >= limits.liveHeartbeatMs ? heartbeat : undefined;
    }
    const first = ring.findIndex((batch) => batch.seq === watcher.seq + 1);
    if (first !== -1) return slice(watcher, first);
    // One that is always behind would have the gateway make snapshots all the time.
    if (now - watcher.snapshotAt < limits.liveGaugesMs) return undefined;
    watcher.snapshotAt = now;
    watcher.seq = seq;
    return encode("snapshot", seq, snapshot());
  }

  function slice(watcher: Watcher, first: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (let at = first; at < ring.length && size < limits.liveSliceBytes; at++) {
      const { bytes, seq: its } = ring[at] as Batch;
      pieces.push(bytes);
      size += bytes.length;
      watcher.seq = its;
    }
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
  }

  function serve(watcher: Watcher, now: number): void {
    const { wake } = watcher;
    if (wake === undefined) return;
    const bytes = next(watcher, now);
    if (bytes === undefined) return;
    watcher.sentAt = now;
    watcher.wake = undefined;
    watcher.controller.enqueue(bytes);
    wake();
  }

  function drop(watcher: Watcher): void {
    if (!watchers.delete(watcher)) return;
    try {
      watcher.controller.close();
    } catch {
      // Its reader cancelled at the same moment.
    }
    watcher.wake?.();
  }

  function tick(): void {
    stopTimer = undefined;
    const now = clock.mono();
    collect();
    for (const watcher of [...watchers]) {
      if (isOver(watcher, now)) drop(watcher);
      else serve(watcher, now);
    }
    if (watchers.size > 0) stopTimer = clock.after(limits.liveBatchMs, tick);
  }

  /** It takes nothing for long while there is something, or its key has ended (F11). */
  function isOver(watcher: Watcher, now: number): boolean {
    if (watcher.wake === undefined && now - watcher.sentAt > limits.liveStalledMs) return true;
    try {
      watcher.stillMay();
      return false;
    } catch {
      // The reason is of no use to a stream that has begun.
      return true;
    }
  }

  return {
    snapshot,
    watchers: () => watchers.size,
    watch(after, stillMay) {
      if (watchers.size >= limits.liveWatchers) {
        const message = `${watchers.size} streams are open already`;
        throw fault("GW_WATCHERS_FULL", { message });
      }
      // What happened while nobody watched is one batch.
      if (watchers.size === 0) collect();
      let watcher: Watcher;
      const now = clock.mono();
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            const begun = { sentAt: now, snapshotAt: Number.NEGATIVE_INFINITY, wake: undefined };
            watcher = { seq: after ?? -1, ...begun, stillMay, controller };
            watchers.add(watcher);
            stopTimer ??= clock.after(limits.liveBatchMs, tick);
          },
          pull() {
            return new Promise<void>((resolve) => {
              watcher.wake = resolve;
              serve(watcher, clock.mono());
            });
          },
          cancel() {
            watchers.delete(watcher);
          },
        },
        // Nothing is made before the socket asks for it.
        { highWaterMark: 0 },
      );
    },
    close() {
      stopTimer?.();
      for (const watcher of [...watchers]) drop(watcher);
    },
  };
}

const encoder = new TextEncoder();
const heartbeat = encoder.encode(": nothing changed\n\n");

function encode(event: string, id: number, value: unknown): Uint8Array {
  return encoder.encode(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(value)}\n\n`);
}
