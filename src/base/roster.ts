/**
 * Who is there at the moment, where many come and go. A Set or a Map would keep them long after:
 * on JavaScriptCore each of its tables, once outgrown, still holds what stood in it and leads to
 * the next one, so that what ended survives every collection but a full one. Measured: 95 % of all
 * ended calls did, which made half of the heap and a quarter of a call's CPU.
 */

export interface Member {
  /** Its index, kept by the one roster it is in. */
  place: number;
}

/** Members in no order; each knows its place. */
export class Roster<T extends Member> implements Iterable<T> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  has(one: T): boolean {
    return this.#members[one.place] === one;
  }

  /** Once, until it is deleted. */
  add(one: T): void {
    one.place = this.#members.length;
    this.#members.push(one);
  }

  /** False when it is not there. */
  delete(one: T): boolean {
    const members = this.#members;
    const { place } = one;
    if (members[place] !== one) return false;
    const last = members.pop() as T;
    if (last !== one) {
      members[place] = last;
      last.place = place;
    }
    return true;
  }

  /**
   * Whoever is added or deleted meanwhile: nobody who stays is left out, nobody who is gone is
   * given. One may come twice.
   */
  *[Symbol.iterator](): Generator<T> {
    for (let at = this.#members.length - 1; at >= 0; at--) {
      const one = this.#members[at];
      if (one !== undefined) yield one;
    }
  }
}

/** Those who are found by a name, in no order. They are so few that looking through is quick. */
export class Registry<K, T> {
  readonly #names: K[] = [];
  readonly #members: T[] = [];

  get size(): number {
    return this.#names.length;
  }

  has(name: K): boolean {
    return this.#names.includes(name);
  }

  get(name: K): T | undefined {
    const place = this.#names.indexOf(name);
    return place === -1 ? undefined : this.#members[place];
  }

  /** Under a name that is not there. */
  add(name: K, one: T): void {
    this.#names.push(name);
    this.#members.push(one);
  }

  delete(name: K): boolean {
    const names = this.#names;
    const members = this.#members;
    const place = names.indexOf(name);
    if (place === -1) return false;
    const lastName = names.pop() as K;
    const last = members.pop() as T;
    if (place < names.length) {
      names[place] = lastName;
      members[place] = last;
    }
    return true;
  }

  /** Those of now, whatever comes and goes then. */
  values(): T[] {
    return [...this.#members];
  }

  entries(): [K, T][] {
    return this.#names.map((name, place) => [name, this.#members[place] as T]);
  }
}
