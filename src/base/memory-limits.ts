/** Of how much memory the gateway keeps, and when it gives some back. */
export const memoryLimits = {
  /**
   * Memory of large messages that is kept for the next ones: of some dozens of a megabyte at one
   * time. What is not used within so many ms is freed.
   */
  upstreamSpareBytes: 32 * 1024 * 1024,
  upstreamSpareMs: 10_000,
  /** By then what only a start runs has run: 25 MB of the program's pages are given back. */
  trimTextAfterMs: 1_000,
  /** Then what only a warm-up or a rare command ran: 5 to 10 MB, for less than 1 ms each time. */
  trimTextEveryMs: 4_000,
  /**
   * The script's heap is looked at so often, and collected when it is larger than both: so many
   * bytes, and so many times what of it lived the last time. Not where more lives: that would stop
   * all else for too long, and the runtime's own collections run beside it.
   */
  heapLookMs: 1_000,
  heapLookCalls: 8_000, // or sooner, after so many
  heapBytes: 16 * 1024 * 1024,
  heapGrowth: 1.25,
  heapLivesMost: 40 * 1024 * 1024,
  /** What was made since is collected after so many calls. */
  heapYoungCalls: 500,
  /** Calls are counted this often for it: while they come, and at rest. */
  heapBusyMs: 50,
  heapRestMs: 250,
};
