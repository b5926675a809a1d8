/** Those that wait, one of each owner in turn: who sends many makes nobody else wait. */

export interface FairLine<T> {
  readonly size: number;
  add(owner: string, one: T): void;
  take(): T | undefined;
  /** Whether it waited. */
  remove(owner: string, one: T): boolean;
  /** How many of this owner wait. */
  count(owner: string): number;
  /** The owner of whom most wait, and the last one of his. */
  longest(): { readonly owner: string; readonly last: T } | undefined;
}

export function createFairLine<T>(): FairLine<T> {
  /** The first owner is the next. */
  const queues = new Map<string, T[]>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(owner, one) {
      const queue = queues.get(owner);
      if (queue === undefined) queues.set(owner, [one]);
      else queue.push(one);
      size += 1;
    },
    take() {
      for (const [owner, queue] of queues) {
        const one = queue.shift();
        queues.delete(owner);
        if (queue.length > 0) queues.set(owner, queue);
        if (one === undefined) continue;
        size -= 1;
        return one;
      }
      return undefined;
    },
    remove(owner, one) {
      const queue = queues.get(owner);
      const at = queue?.indexOf(one) ?? -1;
      if (queue === undefined || at < 0) return false;
      queue.splice(at, 1);
      if (queue.length === 0) queues.delete(owner);
      size -= 1;
      return true;
    },
    count: (owner) => queues.get(owner)?.length ?? 0,
    longest() {
      let owner: string | undefined;
      let most: T[] = [];
      for (const [one, queue] of queues)
        if (queue.length > most.length) [owner, most] = [one, queue];
      const last = most.at(-1);
      return owner === undefined || last === undefined ? undefined : { owner, last };
    },
  };
}
