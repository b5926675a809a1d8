/** A part of the contract. */

/** Characters in what a server offers that nobody would see, and the first items they are in. */
export interface HiddenText {
  readonly characters: number;
  readonly items: readonly string[];
}

/** How old what agents see of a server is; of the oldest of its lists that has anything. */
export interface ShownAge {
  /** Wall ms of when the server last said that it is so. */
  readonly readMs: number;
  /** Why it may be out of date; null: as far as is known it is not. */
  readonly stale: string | null;
  /** When it leaves the lists if that goes on (max_stale); null while it is not stale. */
  readonly leavesMs: number | null;
}

export interface ItemCounts {
  readonly prompts: number;
  readonly resources: number;
  readonly templates: number;
  readonly heldBack: number;
}
