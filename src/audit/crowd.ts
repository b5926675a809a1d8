/** How many records a write can expect, told from the writes before it. */

export interface Crowd {
  /** Calls that were under way at once; fades. */
  most: number;
  /** Of these, how many had no record in any write lately: what they wait for takes longer. */
  away: number;
}

export function newCrowd(): Crowd {
  return { most: 0, away: 0 };
}

/** A write begins with so many records, one a call; others are at their servers. */
export function noteWrite(crowd: Crowd, records: number, away: number): void {
  crowd.most = Math.max(away + records, crowd.most * fade);
  crowd.away = Math.min(away, crowd.away / fade + 1);
}

/** Nearly all have come: who waits for more waits in vain. */
export function isComplete(crowd: Crowd, records: number): boolean {
  return records >= (crowd.most - crowd.away) * nearly;
}

const [fade, nearly] = [0.95, 0.85] as const;
