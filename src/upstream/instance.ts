/** One further process or session of a legacy server, for clients that can be asked the same. */

import { limits } from "../base/limits.ts";
import { type ListMethod, listMethods } from "../protocol/lists.ts";
import { createLoad, type Load } from "./load.ts";
import type { UpstreamOptions } from "./settings.ts";
import type { Supervised } from "./supervisor.ts";
import { createTurns } from "./turns.ts";
import { nothingLost, sumOf } from "./unattributed.ts";
import type {
  InstanceStatus,
  RawList,
  Unattributed,
  Upstream,
  UpstreamChange,
} from "./upstream.ts";

export interface Instance {
  readonly send: Upstream["send"];
  status(): InstanceStatus;
  /** Monotonic ms when it was used last. */
  usedAt(): number;
  /** Nothing is in flight and nothing waits. */
  isUnused(): boolean;
  stderr(): readonly string[];
  unattributed(): Unattributed;
  /** Connects, though no call is there. */
  begin(): void;
  /** Tries again what waits for the next attempt. */
  retry(): void;
  /** Ends it; calls that wait for their turn fail. */
  close(cause: string): Promise<void>;
}

export interface InstanceOptions extends Pick<UpstreamOptions, "config" | "clock"> {
  readonly name: string;
  /** Of the whole server. */
  readonly all: Load;
  /** Its clients can be asked, and what the server asks does not say for which call. */
  readonly oneAtATime: boolean;
  readonly changed: (change: UpstreamChange) => void;
  /** What it offers, all lists. */
  learnt(lists: ReadonlyMap<ListMethod, RawList>): void;
  start(load: Load): Supervised;
}

export function openInstance(options: InstanceOptions): Instance {
  const { clock, config } = options;
  // After the end that it is part of: of that call nothing is in flight any more.
  const load = createLoad(config, options.all, (left) => {
    if (left === 0) queueMicrotask(readLists);
  });
  let before = nothingLost;
  let up = begin();
  let usedAt = clock.mono();
  const turns = options.oneAtATime
    ? createTurns({ load, send: (request, sink) => up.send(request, sink), between: refresh })
    : undefined;
  let unread = false;

  function begin(): Supervised {
    const made = options.start(load);
    made.onChange((change) => {
      const isReady = change.kind === "state" && made.status().state === "ready";
      if (change.kind === "list" || isReady) {
        unread = true;
        readLists();
      }
      options.changed(change);
    });
    return made;
  }

  /** Only while no call is there: a list in flight would make it unclear what a question is of. */
  function readLists(): void {
    if (!unread || load.inFlight > 0 || up.status().state !== "ready") return;
    if (turns === undefined) void read();
    else turns.alone(read);
  }

  async function read(): Promise<void> {
    unread = false;
    const lists = new Map<ListMethod, RawList>();
    for (const method of listMethods) {
      // What cannot be read now is read after the next connection or change.
      const list = await up.list(method).catch(() => undefined);
      if (list !== undefined) lists.set(method, list);
    }
    options.learnt(lists);
  }

  /**
   * A question was refused as a call that was taken back may have asked it. Nothing is in flight
   * now, so a new process or session costs nobody's call, and questions reach their clients again.
   */
  function refresh(): void {
    if (!up.isStale()) return;
    const old = up;
    before = unattributed();
    up = begin();
    void old.stop().catch(() => undefined);
  }

  function unattributed(): Unattributed {
    return sumOf([before, up.status().unattributed]);
  }

  return {
    send(request, sink) {
      usedAt = clock.mono();
      if (load.inFlight === 0) refresh();
      return turns === undefined ? up.send(request, sink) : turns.send(request, sink);
    },
    status() {
      const { state, cause, pid } = up.status();
      const waiting = turns?.waiting() ?? 0;
      return { name: options.name, state, cause, pid, inFlight: load.inFlight, waiting };
    },
    usedAt() {
      if (load.inFlight > 0) usedAt = clock.mono();
      return usedAt;
    },
    isUnused: () => load.inFlight === 0,
    stderr: () => up.status().stderr,
    begin: () => up.start(),
    unattributed,
    retry() {
      const { state } = up.status();
      if (state === "backoff" || state === "crash-loop") up.retry();
    },
    close: (cause) => up.stop(cause),
  };
}

/** Whether it has to make room when it was not used for so long. */
export function isForgotten(instance: Instance, now: number): boolean {
  return instance.isUnused() && now - instance.usedAt() >= limits.instanceIdleMs;
}
