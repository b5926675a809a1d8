/** The state of the one writer, shared by `spool.ts` (places) and `commit.ts` (group commit). */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { Linker } from "../receipt/chain.ts";
import type { CallRecord } from "../receipt/model.ts";
import type { Awake } from "./awake.ts";
import type { Crowd } from "./crowd.ts";
import type { SpoolFile, SpoolFs } from "./fs.ts";
import type { Landing } from "./landing.ts";

export interface SpoolOptions {
  readonly fs: SpoolFs;
  readonly clock: Clock;
  readonly mode: "strict" | "fast";
  /** Mode strict only: in the other nothing waits for the disk. */
  readonly awake?: Awake;
  readonly segmentBytes: number;
  readonly log: (level: "info" | "warn" | "error", message: string, fields: object) => void;
  /** Told when more is on disk; the bytes hold only during the call. */
  readonly onDurable: (landed: Landed) => void;
}

/** What one write brought to disk: whole frames, the first of a segment its header. */
export interface Landed {
  readonly segment: LiveSegment;
  readonly at: number;
  readonly bytes: Buffer;
  /** Of the records in it: seq of the first, how many, hash of the last. */
  readonly firstSeq: number;
  readonly count: number;
  readonly head: Uint8Array;
}

/** A segment as writer and shipper see it: of this process's chain, or left by one before it. */
export interface LiveSegment {
  readonly ordinal: number;
  readonly chain: string;
  readonly first: number;
  /** Last seq of the segment before it, of whatever chain. */
  readonly before: number;
  /** Offset behind the last byte queued, and the last byte on disk. */
  end: number;
  durable: number;
  /** Takes no more records. */
  sealed: boolean;
}

/** The file of a segment as its writer has it. */
export interface Made {
  readonly file: SpoolFile;
  /**
   * The same file, for `pave`: the kernel tells each descriptor once that something could not be
   * written. Told to zeros, it would not be told to the records beside them (A13).
   */
  readonly zeros: SpoolFile;
  readonly capacity: number;
}

export interface Writing extends LiveSegment, Made {
  /** Up to here there are zeros on disk, and what is being written from where: see `pave`. */
  paved: number;
  paving: { readonly from: number; readonly done: Promise<void> } | undefined;
}

export interface Batch {
  readonly segment: Writing;
  readonly at: number;
  readonly firstSeq: number;
  buffer: Buffer;
  length: number;
  count: number;
  head: Uint8Array;
  readonly landing: Landing;
}

export interface Spool {
  readonly options: SpoolOptions;
  readonly chain: string;
  /** A receipt's public id without the seq at its end. */
  readonly idStart: string;
  readonly linker: Linker;
  /** All that hold something unshipped, oldest first: begun here, or by processes before. */
  readonly segments: LiveSegment[];
  /** Intents without an outcome. */
  readonly open: Set<number>;
  durableSeq: number;
  ended: boolean;
  /** Set once, for good: nothing is taken any more (A13: a failed sync is never tried again). */
  failed: string | undefined;
  /** Why the next segment could not be made; tried again until there is space (A14). */
  noSpace: string | undefined;
  current: Writing;
  ordinal: number;
  next: Made | undefined;
  /** The making of `next`, and whether it is under way or waits to be tried again. */
  made: Promise<void>;
  making: boolean;
  filling: Batch | undefined;
  /** Records of `filling` that have their place and are made at its write: see `seal`. */
  readonly unsealed: CallRecord[];
  /** Bytes that they take at most. */
  unsealedBytes: number;
  readonly queue: Batch[];
  flying: boolean;
  /** When the last write began. */
  flownAt: number;
  scheduled: boolean;
  /** Records of recent batches on average, and when the last write began: see `kick`. */
  mean: number;
  readonly crowd: Crowd;
  /** While the next write waits for more records. */
  stopWaiting: (() => void) | undefined;
  begun: number;
  readonly spare: Buffer[];
}

/** A disk that hangs tells nothing: neither that it failed nor when it comes back. */
export function stuck({ flying, failed, flownAt, options }: Spool): string | undefined {
  const ms = flying && failed === undefined ? options.clock.mono() - flownAt : 0;
  if (ms <= limits.writeStuckMs) return undefined;
  return `the disk has not taken a write for ${Math.round(ms / 1000)} s`;
}

/** What to do about that. */
export const stuckFix =
  "look after the disk of data_dir: calls go on by themselves when it is back";

/** Stops for good: what was not acknowledged never will be. */
export function fail(spool: Spool, thrown: unknown): void {
  if (spool.failed !== undefined) return;
  spool.failed = reason(thrown);
  spool.options.log("error", "The spool failed; nothing is recorded any more", {
    cause: spool.failed,
  });
  const error = unavailable(spool.failed);
  for (const batch of spool.queue.splice(0)) batch.landing.failed(error);
  spool.filling?.landing.failed(error);
  spool.filling = undefined;
  spool.unsealed.length = 0;
  spool.unsealedBytes = 0;
}

export function unavailable(cause: string, fix?: string): GatewayError {
  return fault("GW_AUDIT_UNAVAILABLE", {
    message: "Cannot write the receipt",
    cause,
    ...(fix !== undefined && { fix }),
  });
}

export function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
