/** Limits of receipts: of each record, of the spool, and of what is shipped to the store. */
export const recordLimits = {
  /** Characters of one text in a record: names are far shorter, what a client says may not be. */
  recordTextChars: 1024,
  /** Rules that a record names: it must stay small whatever the policy holds. */
  recordRules: 64,
  /** Intents without outcome that a segment's header has room for: beyond it calls are refused. */
  openIntents: 8192,
  /** A write to the spool that takes longer: calls are refused until it is over, A14. */
  writeStuckMs: 5_000,
  /** SIGTERM: the last records get this long to reach the disk. */
  endSpoolMs: 5_000,
  /** A spool segment; preallocated so that a full disk shows before any acknowledgement, L4. */
  spoolSegmentBytes: 64 * 1024 * 1024,
  /** Default audit.spool.max. */
  spoolBytes: 10 * 1024 * 1024 * 1024,
  /** Records that wait for the disk in mode fast, where no call does: more are refused. */
  spoolPendingBytes: 16 * 1024 * 1024,
  /**
   * One batch to the store, its deadline, and what waits for it in memory and not only on disk. A
   * batch must take the longest frame. Kept memory counts several times: the collector waits for
   * that much more garbage.
   */
  shipBatchBytes: 256 * 1024,
  shipDeadlineMs: 5_000,
  shipQueueBytes: 1024 * 1024,
} as const;
