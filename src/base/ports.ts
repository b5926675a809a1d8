/** What is not a pure function enters through these, so that a test can run a simulated world. */

export interface Clock {
  /** Wall time in ms since 1970; advisory, may step. */
  now(): number;
  /** Monotonic ms with fractions, for durations and deadlines. */
  mono(): number;
  /** Calls back once after ms; the returned function cancels. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

/** Addresses of a host name, in the order to try; rejects with an Error that has a `code`. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface Random {
  bytes(count: number): Uint8Array;
}
