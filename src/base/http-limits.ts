/** Limits of the HTTP server itself; of what requests carry: limits.ts. */
export const httpLimits = {
  /** Of one HTTP request: its line and its header fields; R5. A proxy's cookies fit. */
  requestHeadBytes: 16 * 1024,
  /** From its first byte, or from the start of the connection; R5. Not of a unix socket. */
  requestHeadMs: 10_000,
  /** A head of this size is recognised when it comes again on its connection. */
  requestHeadKeptBytes: 2 * 1024,
  /** Empty lines before a request: old clients send one behind a body; R5. */
  emptyLines: 4,
  /** One line between the chunks of a body: a size, and extensions that nobody sends. */
  chunkLineBytes: 1024,
  /** Smaller pieces of a body are put together as they come. */
  bodyPieceBytes: 4 * 1024,
  /** Further requests that wait on a connection while one is answered; then it is not read. */
  pipelinedBytes: 64 * 1024,
  /**
   * Of a request that was refused, what still comes is read and thrown away, so that its client
   * learns why: so many bytes, and for so long.
   */
  passedBodyBytes: 64 * 1024 * 1024,
  passedBodyMs: 5_000,
  /** When most files that the process may have are open, silent connections are closed, R8. */
  handlesShare: 0.9,
  /** No connection gets a handle behind this: what is there is the gateway's own, R8. */
  handlesLastShare: 0.95,
  /** So many files are there under any limit that a gateway can run with. */
  handlesSurelyFree: 32,
  handlesLookMs: 250,
  handlesSayMs: 10_000,
  silentMs: 200,
} as const;
