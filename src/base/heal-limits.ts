/** Of servers that fail and heal, and of what becomes of their calls. */
export const healLimits = {
  /** First and last wait between attempts to reach a server, and the share of it that is random. */
  backoffFirstMs: 500,
  backoffLastMs: 60_000,
  backoffJitter: 0.5,
  /** While nobody listens at a server's address, a bare connection is tried this often. */
  tcpProbeMs: 1_000,
  /** Starts of one child per minute, R13. */
  childStartsPerMinute: 12,
  /**
   * A server that was just initialized is given this long to ask what it wants to know at once; its
   * stream over HTTP at least and at most so long to begin, else what the handshake took.
   */
  settleMs: 1_000,
  settleLeastMs: 50,
  /**
   * Defaults of servers.NAME.breaker: so many failures of the last calls, and how long calls are
   * refused then; doubled each time up to backoffLastMs. A bad tool among good ones opens nothing.
   */
  breakerFailures: 10,
  breakerOf: 20,
  breakerOpenMs: 5_000,
  /**
   * Default of servers.NAME.health; one answer to it, at most and, where it is shorter than that,
   * at least (a long pause of a server's own is none of its end); and how often a server without it
   * is looked at for a changed setting.
   */
  healthMs: 30_000,
  healthAnswerMs: 5_000,
  healthAnswerLeastMs: 1_000,
  healthLookMs: 60_000,
  /**
   * A call whose outcome is unknown is refused once if it comes again within this time; how many
   * such calls are remembered, and how long calls wait while a start reads them from the receipts:
   * so many of the store, and of a spool that is no larger. U27.
   */
  repeatMs: 10 * 60_000,
  repeatCalls: 10_000,
  repeatLoadMs: 1_000,
  repeatsRead: 1_000,
  repeatSpoolBytes: 16 * 1024 * 1024,
} as const;
