import { describe, expect, test } from "bun:test";
import { checkLinks } from "../../src/gateway/verify-links.ts";
import type { ChainReport } from "../../src/receipt/verify.ts";

const none = { prevChain: "", prevSeq: -1, prevHead: "" };

function report(chain: string, before: ChainReport | undefined, closed = true): ChainReport {
  const prev =
    before === undefined
      ? none
      : { prevChain: before.chain, prevSeq: before.lastSeq, prevHead: before.head };
  return {
    ...{ chain, opened: { build: "t", dir: "/d", ...prev }, firstSeq: 0, lastSeq: 4, closed },
    ...{ head: `${chain}${chain}`, records: 5, intents: 1, outcomes: 1, refusals: 0 },
    ...{ running: 0, lostBytes: 0 },
  };
}

const one = report("aa", undefined);
const two = report("bb", one);
const three = report("cc", two, false);

describe("A3 chains follow each other", () => {
  test("each the one before it, the newest still open, in whatever order they are given", () => {
    for (const chains of [[], [one], [one, two, three], [three, one, two]]) {
      expect(checkLinks(chains, true)).toEqual({ bad: undefined, missing: [] });
    }
  });

  test("one that is missing between two, or at the begin, is named", () => {
    expect(checkLinks([one, three], true).missing).toEqual([
      "the chain bb, which comes before cc, is not here",
    ]);
    expect(checkLinks([two, three], true).missing).toEqual([
      "the chain aa, which comes before bb, is not here",
    ]);
  });

  test("one that has no close record and is not the newest is named", () => {
    expect(checkLinks([report("aa", undefined, false), two], true).missing).toEqual([
      "the chain aa has no close record, but bb follows it",
    ]);
  });

  test("two that name the same one before them, or none, are named", () => {
    expect(checkLinks([one, two, report("dd", one)], true).missing).toEqual([
      "the chains bb and dd both name aa as the one before",
    ]);
    expect(checkLinks([one, report("dd", undefined)], true).missing).toEqual([
      "the chain dd names no chain before it, and neither does aa",
    ]);
    // A database that several gateways share holds a first chain of each.
    expect(checkLinks([one, report("dd", undefined)], false).missing).toEqual([]);
  });

  test("one that ends elsewhere than the next says is bad, also when it is given later", () => {
    const cut = { ...one, lastSeq: 3 };
    const other = { ...one, head: "00" };
    for (const chains of [
      [two, cut],
      [two, other],
    ]) {
      expect(checkLinks(chains, true).bad).toMatchObject({ chain: "bb", seq: 0 });
    }
  });
});
