/** How chains follow each other: each names the one before it, and no other does. Pure. */

import type { BadRecord, ChainReport } from "../receipt/verify.ts";

export interface Links {
  readonly bad: BadRecord | undefined;
  /** For people; each names a chain. */
  readonly missing: readonly string[];
}

/** oneDir: all chains are of one data_dir, so exactly one begins without one before it. */
export function checkLinks(chains: readonly ChainReport[], oneDir: boolean): Links {
  const known = new Map(chains.map((report) => [report.chain, report]));
  const followers = new Map<string, string>();
  const missing: string[] = [];
  let root: string | undefined;
  for (const { chain, opened } of chains) {
    if (opened === undefined) continue;
    const { prevChain, prevSeq, prevHead } = opened;
    if (prevChain === "") {
      if (oneDir && root !== undefined) {
        missing.push(`the chain ${chain} names no chain before it, and neither does ${root}`);
      }
      root ??= chain;
      continue;
    }
    const other = followers.get(prevChain);
    if (other !== undefined) {
      missing.push(`the chains ${other} and ${chain} both name ${prevChain} as the one before`);
    }
    followers.set(prevChain, chain);
    const before = known.get(prevChain);
    if (before === undefined) {
      missing.push(`the chain ${prevChain}, which comes before ${chain}, is not here`);
    } else if (before.lastSeq !== prevSeq || before.head !== prevHead) {
      const why = `the chain before it ends at seq ${before.lastSeq}, not ${prevSeq}`;
      return { bad: { chain, seq: 0, why }, missing };
    } else if (!before.closed) {
      missing.push(`the chain ${prevChain} has no close record, but ${chain} follows it`);
    }
  }
  return { bad: undefined, missing };
}
