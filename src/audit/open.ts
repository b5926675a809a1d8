/** Opens the audit of a data_dir: recovers the spool, begins a chain, starts the shipper. */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import { chainFrom } from "../receipt/chain.ts";
import { adminBody, closeBody, openBody, outcomeBody, recoveryBody } from "../receipt/encode.ts";
import type { Sys } from "../runtime/runtime.ts";
import type { Store } from "../store/store.ts";
import type { Audit, AuditStatus } from "./audit.ts";
import { createAwake } from "./awake.ts";
import { nodeSpoolFs, type SpoolFs } from "./fs.ts";
import { type Recovered, recover } from "./recover.ts";
import {
  createShipper,
  moreToShip,
  type Shipper,
  stopShipper,
  unshippedBytes,
  unshippedRecords,
} from "./shipper.ts";
import {
  append,
  appendCall,
  appendOutcome,
  endSpool,
  flushed,
  lacksSpace,
  nextSeq,
  startSpool,
} from "./spool.ts";
import { type Spool, stuck, stuckFix, unavailable } from "./spool-model.ts";

export interface AuditOptions {
  /** `data_dir/spool`; made when it is not there. */
  readonly dir: string;
  readonly mode: "strict" | "fast";
  readonly spoolBytesMax: number;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly sys: Pick<Sys, "fallocate"> & Partial<Pick<Sys, "giveWay">>;
  readonly build: string;
  readonly log: (level: "info" | "warn" | "error", message: string, fields: object) => void;
  /** For tests: another file system, smaller segments. */
  readonly fs?: SpoolFs;
  readonly segmentBytes?: number;
}

/**
 * The caller owns data_dir (gateway/owner.ts). Rejects with GW_SPOOL_DAMAGED, or
 * GW_AUDIT_UNAVAILABLE where no segment can be made.
 */
export async function openAudit(options: AuditOptions): Promise<Audit> {
  const { clock, random, log } = options;
  const fs = options.fs ?? nodeSpoolFs(options.dir, options.sys);
  const found = await recover(fs, () => clock.now());
  if (found.sealed !== undefined) {
    log("warn", "The last gateway did not end in order; its chain was closed", found.sealed);
  }
  let shipper: Shipper | undefined;
  const spool = await startSpool(
    {
      fs,
      clock,
      mode: options.mode,
      ...(options.mode === "strict" && { awake: createAwake(clock, options.sys.giveWay) }),
      segmentBytes: options.segmentBytes ?? segmentSize(options.spoolBytesMax),
      log,
      onDurable: (landed) => shipper !== undefined && moreToShip(shipper, landed),
    },
    chainFrom(random.bytes(16)),
    found.nextOrdinal,
    found.segments,
    found.last?.seq ?? -1,
  );
  shipper = createShipper({
    fs,
    store: options.store,
    clock,
    random,
    segments: spool.segments,
    shipped: found.shipped,
    log,
  });
  begin(spool, options, found);
  await flushed(spool);
  return auditOf(options, spool, shipper);
}

/** Small quotas get small segments: two are always reserved beyond what is used. */
function segmentSize(spoolBytesMax: number): number {
  const share = Math.floor(spoolBytesMax / 8);
  return Math.min(limits.spoolSegmentBytes, Math.max(share, 512 * 1024));
}

function begin(spool: Spool, options: AuditOptions, found: Recovered): void {
  const now = options.clock.now();
  const last = found.last;
  const before = {
    prevChain: last?.chain ?? "",
    prevSeq: last?.seq ?? -1,
    prevHead: last?.hash ?? "",
  };
  const { build, dir } = options;
  append(spool, "open", openBody({ build, dir, ...before }, now));
  if (found.lostBytes === 0) return;
  append(spool, "recovery", recoveryBody({ lostBytes: found.lostBytes, openIntents: 0 }, now));
}

function auditOf(options: AuditOptions, spool: Spool, shipper: Shipper): Audit {
  const { clock } = options;
  return {
    intent(fields) {
      admit(options, spool, shipper);
      return appendCall(spool, { kind: "intent", fields, at: clock.now() });
    },
    outcome(fields) {
      if (!spool.open.has(fields.of)) {
        const message = `Record ${fields.of} is no intent that waits for its outcome`;
        throw fault("GW_INTERNAL", { message });
      }
      return appendOutcome(spool, fields, clock.now());
    },
    refusal(fields) {
      admit(options, spool, shipper);
      return appendCall(spool, { kind: "refusal", fields, at: clock.now() });
    },
    admin(action, keyId, fields) {
      admit(options, spool, shipper);
      return append(spool, "admin", adminBody(action, keyId, fields, clock.now()));
    },
    status: () => statusOf(options, spool, shipper),
    close: (shipMs) => close(options, spool, shipper, shipMs),
  };
}

/** May a new call be recorded? Outcomes always may: space is kept for them. */
function admit(options: AuditOptions, spool: Spool, shipper: Shipper): void {
  if (spool.ended) throw unavailable("the gateway is stopping");
  const hangs = stuck(spool);
  if (hangs !== undefined) throw unavailable(hangs, stuckFix);
  const lacks = lacksSpace(spool);
  if (lacks !== undefined) throw unavailable(lacks);
  if (unshippedBytes(shipper) <= roomFor(options, spool)) return;
  throw fault("GW_AUDIT_FULL", {
    message: `Cannot write the receipt: the spool holds ${unshippedBytes(shipper)} bytes`,
    cause: shipper.error ?? "the store takes receipts slower than they come",
  });
}

/** Bytes that may wait: two segments are kept for outcomes and for what comes next. */
function roomFor({ spoolBytesMax }: AuditOptions, { current }: Spool): number {
  return spoolBytesMax - 2 * current.capacity;
}

function statusOf(options: AuditOptions, spool: Spool, shipper: Shipper): AuditStatus {
  const { mode, store, clock } = options;
  const spoolRecords = unshippedRecords(shipper, spool.durableSeq);
  const hangs = stuck(spool);
  return {
    mode,
    chain: spool.chain,
    nextSeq: nextSeq(spool),
    spoolBytes: unshippedBytes(shipper),
    spoolRecords,
    spoolMaxBytes: roomFor(options, spool),
    lagMs: shipper.oldestAt === 0 ? 0 : Math.max(0, clock.now() - shipper.oldestAt),
    broken: spool.failed ?? hangs ?? (spool.noSpace === undefined ? undefined : lacksSpace(spool)),
    ...(hangs !== undefined && { fix: stuckFix }),
    store: {
      kind: store.kind,
      ok: shipper.error === undefined,
      error: shipper.error,
      shippedSeq: shipper.mark?.chain === spool.chain ? shipper.mark.seq : -1,
    },
  };
}

async function close(
  options: AuditOptions,
  spool: Spool,
  shipper: Shipper,
  shipMs: number,
): Promise<void> {
  if (spool.ended) return;
  try {
    if (spool.failed === undefined) {
      const now = options.clock.now();
      // Calls that the caller did not end: they went out and nobody knows how they went.
      for (const of of spool.open) {
        append(spool, "outcome", outcomeBody({ ...cut, of }, now));
        // The header of a segment that begins between two of these names those still open.
        spool.open.delete(of);
      }
      append(spool, "close", closeBody("stop", now));
      await within(options.clock, limits.endSpoolMs, endSpool(spool));
    }
  } finally {
    // Its mark is on the same disk.
    await within(options.clock, shipMs + limits.endSpoolMs, stopShipper(shipper, shipMs));
  }
}

/** The next start seals a chain whose last records are not there; a stop must not hang with it. */
async function within(clock: Clock, ms: number, ending: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const stop = clock.after(ms, () => late.reject(notClosed(ms)));
  await Promise.race([ending, late.promise]).finally(stop);
}

/** `pending`: what was given to the disk may still be written, so nobody else may have data_dir. */
function notClosed(ms: number): GatewayError {
  return fault("GW_AUDIT_UNAVAILABLE", {
    message: "Cannot write the last receipts",
    cause: `the disk did not take what was last within ${ms / 1000} s`,
    fix: "look after the disk of data_dir; the next start closes the chain, with what is on disk",
    data: { pending: true },
  });
}

const cut = {
  outcome: "unknown",
  code: "GW_INTERRUPTED",
  resultHash: "",
  resultBytes: 0,
  tookMs: 0,
  serverMs: 0,
} as const;
