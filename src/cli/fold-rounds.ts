/** Something that happens in a circle is told once, with how often. */

export interface Told {
  /** What is the same each time. */
  readonly key: string;
  readonly lines: readonly string[];
}

/** Rounds of up to `longest` entries that follow each other; the newest stands for all. */
export function foldRounds(entries: readonly Told[], longest = 6): readonly Told[] {
  const folded: Told[] = [];
  for (let at = 0; at < entries.length; ) {
    const found = roundAt(entries, at, longest);
    if (found === undefined) {
      folded.push(entries[at] as Told);
      at += 1;
      continue;
    }
    const { length, times } = found;
    folded.push(...entries.slice(at, at + length));
    const what = length === 1 ? "this" : `these ${length},`;
    folded.push({ key: "", lines: [`${" ".repeat(28)}${what} ${times} times in a row`] });
    at += length * times;
  }
  return folded;
}

/** The shortest round that is repeated here. */
function roundAt(entries: readonly Told[], at: number, longest: number) {
  for (let length = 1; length <= longest; length += 1) {
    let times = 1;
    while (isSame(entries, at, at + times * length, length)) times += 1;
    if (times > 1) return { length, times };
  }
  return undefined;
}

function isSame(entries: readonly Told[], one: number, other: number, length: number): boolean {
  if (other + length > entries.length) return false;
  for (let n = 0; n < length; n += 1) {
    if (entries[one + n]?.key !== entries[other + n]?.key) return false;
  }
  return true;
}
