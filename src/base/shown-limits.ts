/** Limits of what people look at: the history that `doctor` reads, its checks, the TUI. */
export const shownLimits = {
  /**
   * The ring of what happened, for `doctor`: 16 files of 90 minutes are 24 hours, and 16 MiB at
   * most; its numbers are written this often.
   */
  historySegmentBytes: 1024 * 1024,
  historySegments: 16,
  historySegmentMs: 90 * 60_000,
  historyGaugesMs: 10_000,
  /** Entries that wait for the disk; receipts named by one; refusals looked at within a second. */
  historyPendingChars: 256 * 1024,
  historyReceipts: 3,
  /** Entries about one trouble, one a second; after these one in `historyGaugesMs`. */
  historyTroubleBurst: 60,
  historyRefusals: 20,
  /** One check of `doctor`; all run at once and have to end within 5 s. */
  doctorCheckMs: 3_800,
  doctorAllMs: 4_600,
  /** One connection, and one answer, within such a check. */
  doctorConnectMs: 1_000,
  doctorAnswerMs: 1_500,
  doctorAnswerChars: 4 * 1024 * 1024,
  /** Handshake and list of a server, which may have to wake up. */
  doctorServerMs: 2_300,
  /** A certificate that ends within this time is told of. */
  certificateSoonMs: 14 * 24 * 60 * 60 * 1000,
  /** A gateway that does not answer the interface's first question within this time hangs. */
  tuiProbeMs: 2_000,
  /**
   * So does one that does not tell a command its status within this time. Load alone is far from
   * it: a loop that is late by `loopLagMs` is shown as trouble already.
   */
  gatewaySilentMs: 5_000,
  /** Ended calls that the terminal interface keeps, and for how long a bad end stays in sight. */
  tuiCalls: 5_000,
  tuiLingerMs: 5_000,
  /** Seconds of calls/s that it draws. */
  tuiHistorySeconds: 120,
  /** Between two attempts to reach a gateway that was lost: the first and the last one. */
  tuiRetryFirstMs: 500,
  tuiRetryLastMs: 5_000,
  /**
   * What new data may write to a terminal: a list that moves changes every row, and a slow line
   * must keep room for keys. Pictures come less often where they are large.
   */
  tuiBytesPerSecond: 7_000,
  /** Terminals cut what is copied through them (OSC 52): more goes to a file. */
  tuiCopyBytes: 70_000,
  /** Lines that libraries wrote to stderr while the screen was drawn, shown after leaving. */
  tuiStrayLines: 50,
  /** Of one paste; a filter or a command is one line. */
  tuiPasteChars: 64 * 1024,
} as const;
