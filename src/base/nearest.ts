/**
 * The candidate most like a word that is none of them, for "did you mean"; undefined when none is
 * near enough to be meant.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(word);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, fold(candidate), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A way out for a word that is none of the candidates: the one that was meant, or `otherwise`. */
export function didYouMean(word: string, candidates: Iterable<string>, otherwise: string): string {
  const like = nearest(word, candidates);
  return like === undefined ? otherwise : `did you mean ${like}?`;
}

/** Of `server/tool`: one of the same server first, whose name alone says more than the whole. */
export function nearestTarget(target: string, all: readonly string[]): string | undefined {
  const server = target.slice(0, target.indexOf("/") + 1);
  const own = all.filter((one) => one.startsWith(server)).map((one) => one.slice(server.length));
  const name = nearest(target.slice(server.length), own);
  return name === undefined ? nearest(target, all) : `${server}${name}`;
}

/** `maxInFlight`, `max-in-flight` and `max_in_flight` are one spelling. */
function fold(word: string): string {
  return word.slice(0, 100).toLowerCase().replaceAll("_", "").replaceAll("-", "");
}

/** Insertions, deletions, substitutions and swaps of neighbours; stops counting at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let cost = Math.min(above[column]! + 1, current[column - 1]! + 1, above[column - 1]! + same);
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, before[column - 2]! + 1);
      current.push(cost);
    }
    before = above;
    above = current;
  }
  return Math.min(above[b.length]!, limit);
}
