/** When a batch is on disk, for those who wait for it; a promise for each would be six objects. */

export interface Waiter {
  /** Once: it is on disk, or it never will be and why (GW_AUDIT_UNAVAILABLE). */
  onDisk(failed: Error | undefined): void;
}

export class Landing {
  readonly #waiters: Waiter[] = [];
  #over = false;
  #failed: Error | undefined;

  add(waiter: Waiter): void {
    this.#waiters.push(waiter);
    if (this.#over) queueMicrotask(() => this.#tell());
  }

  promise(): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      this.add({ onDisk: (failed) => (failed === undefined ? resolve() : reject(failed)) });
    });
    promise.catch(() => {
      // Callers wait on it or not; a failure also shows in status and in every later append.
    });
    return promise;
  }

  /** Tells all, in their order; they may append, which goes to another batch. */
  landed(): void {
    this.#over = true;
    this.#tell();
  }

  /** A failure may show while somebody appends: nobody is told in the midst of that. */
  failed(why: Error): void {
    this.#over = true;
    this.#failed = why;
    queueMicrotask(() => this.#tell());
  }

  #tell(): void {
    const waiters = this.#waiters;
    let next = 0;
    try {
      while (next < waiters.length) {
        next += 1;
        waiters[next - 1]?.onDisk(this.#failed);
      }
    } finally {
      waiters.splice(0, next);
      // What one throws takes nobody else's news.
      if (waiters.length > 0) setImmediate(() => this.#tell());
    }
  }
}
