/** The event stream: what a watcher gets, what it misses, and that it costs nobody else. */

import { describe, expect, test } from "bun:test";
import type { LiveBatch, LiveEvent } from "../../src/admin/contract.ts";
import { createEventReader } from "../../src/admin/event-reader.ts";
import { createFeed, type LiveSource } from "../../src/admin/events.ts";
import { fault } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import type { Clock } from "../../src/base/ports.ts";
import { setClock } from "../kit/scripted.ts";

/** A source that is told what changed; `text` is the size of a batch. */
function scripted() {
  let next: ReturnType<LiveSource["changes"]>;
  const asked = { changes: 0, snapshots: 0 };
  const source: LiveSource = {
    snapshot: () => {
      asked.snapshots += 1;
      return { now: 0, gateway: {}, servers: [], calls: [], gauges: {} } as never;
    },
    changes: () => {
      asked.changes += 1;
      const now = next;
      next = undefined;
      return now;
    },
  };
  const change = (what: string) => {
    next = { now: 0, gone: [what] };
  };
  const lose = () => {
    next = "lost";
  };
  return { source, asked, change, lose };
}

function world() {
  const clock = setClock();
  let timers = 0;
  const counted: Clock = {
    ...clock,
    after(ms, run) {
      timers += 1;
      return clock.after(ms, run);
    },
  };
  const script = scripted();
  return { clock, ...script, feed: createFeed(script.source, counted), timers: () => timers };
}

const anybody = () => {};

/** Reads a stream as it comes; `events` are those so far. */
function reading(stream: ReadableStream<Uint8Array>) {
  const events: LiveEvent[] = [];
  const state = { over: false, bytes: 0 };
  const decoder = new TextDecoder();
  const read = createEventReader((event) => events.push(event));
  const reader = stream.getReader();
  void (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      state.bytes += value.length;
      read(decoder.decode(value, { stream: true }));
    }
    state.over = true;
  })();
  return { events, state, stop: () => reader.cancel() };
}

async function readOnce(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  await reader.read();
  reader.releaseLock();
}

const told = (events: readonly LiveEvent[]) =>
  events.map((event) =>
    event.kind === "snapshot" ? "snapshot" : ((event.batch as LiveBatch).gone?.[0] ?? "batch"),
  );
const seqOf = (event: LiveEvent | undefined) =>
  event?.kind === "snapshot" ? event.snapshot.seq : (event?.batch.seq ?? 0);

describe("a watcher", () => {
  test("gets a snapshot, then batches in order, at most one in 100 ms, none without change", async () => {
    const { clock, feed, change } = world();
    const { events } = reading(feed.watch(undefined, anybody));
    await clock.advance(0);
    for (const what of ["a", "b"]) {
      change(what);
      await clock.advance(limits.liveBatchMs - 1);
      expect(told(events).at(-1)).not.toBe(what);
      await clock.advance(1);
      expect(told(events).at(-1)).toBe(what);
    }
    await clock.advance(4_000);
    expect(told(events)).toEqual(["snapshot", "a", "b"]);
    const seqs = events.map(seqOf);
    expect(seqs).toEqual([seqs[0]!, seqs[0]! + 1, seqs[0]! + 2]);
  });

  test("hears a comment where nothing changes: silence is a gateway that hangs", async () => {
    const { clock, feed } = world();
    const { state, events } = reading(feed.watch(undefined, anybody));
    await clock.advance(limits.liveHeartbeatMs - limits.liveBatchMs);
    const before = state.bytes;
    await clock.advance(2 * limits.liveBatchMs);
    expect(state.bytes - before).toBe(": nothing changed\n\n".length);
    expect(told(events)).toEqual(["snapshot"]);
  });

  test("goes on where it was: missed batches, no snapshot", async () => {
    const { clock, feed, change } = world();
    const first = reading(feed.watch(undefined, anybody));
    const other = reading(feed.watch(undefined, anybody));
    await clock.advance(0);
    change("a");
    await clock.advance(100);
    const seq = seqOf(first.events.at(-1));
    await first.stop();
    for (const what of ["b", "c"]) {
      change(what);
      await clock.advance(100);
    }
    const again = reading(feed.watch(seq, anybody));
    await clock.advance(100);
    expect(told(again.events)).toEqual(["b", "c"]);
    expect(told(other.events)).toEqual(["snapshot", "a", "b", "c"]);
  });

  test("that was away while nobody watched gets what happened meanwhile as one batch", async () => {
    const { clock, feed, change, timers, asked } = world();
    const first = reading(feed.watch(undefined, anybody));
    change("a");
    await clock.advance(100);
    await first.stop();
    await clock.advance(200);
    const before = [timers(), asked.changes];
    change("b");
    await clock.advance(60_000);
    // Nobody watches: nothing is asked and no timer runs.
    expect([timers(), asked.changes]).toEqual(before);
    const again = reading(feed.watch(seqOf(first.events.at(-1)), anybody));
    await clock.advance(100);
    expect(told(again.events)).toEqual(["b"]);
  });

  const gaps: readonly (readonly [string, (seq: number) => number])[] = [
    ["of an earlier run", (seq) => seq - 100_000],
    ["that never was", (seq) => seq + 100_000],
    ["of a run that was before the clock stepped", () => 1],
  ];
  test.each(gaps)("with an id %s gets a snapshot", async (_, of) => {
    const { clock, feed, change } = world();
    const first = reading(feed.watch(undefined, anybody));
    change("a");
    await clock.advance(100);
    const again = reading(feed.watch(of(seqOf(first.events.at(-1))), anybody));
    await clock.advance(100);
    expect(told(again.events)).toEqual(["snapshot"]);
  });

  test("gets a new snapshot when the source has lost count", async () => {
    const { clock, feed, change, lose } = world();
    const { events } = reading(feed.watch(undefined, anybody));
    await clock.advance(2_000);
    lose();
    await clock.advance(100);
    change("a");
    await clock.advance(100);
    expect(told(events)).toEqual(["snapshot", "snapshot", "a"]);
  });
});

describe("one that takes nothing", () => {
  const big = "x".repeat(256 * 1024);

  test("holds a cursor, and gets a snapshot when it has fallen out of the ring", async () => {
    const { clock, feed, change, asked } = world();
    const stream = feed.watch(undefined, anybody);
    await readOnce(stream);
    const fast = reading(feed.watch(undefined, anybody));
    await clock.advance(0);
    for (let at = 0; at < 50; at++) {
      change(big);
      await clock.advance(100);
    }
    // 12 MiB went by; nothing was made for it.
    expect([fast.events.length, asked.snapshots]).toEqual([51, 2]);
    const slow = reading(stream);
    await clock.advance(100);
    expect([told(slow.events), asked.snapshots]).toEqual([["snapshot"], 3]);
  });

  test("in the ring's time gets what it missed, in slices", async () => {
    const { clock, feed, change, asked } = world();
    const stream = feed.watch(undefined, anybody);
    await readOnce(stream);
    for (let at = 0; at < 8; at++) {
      change(big);
      await clock.advance(100);
    }
    const slow = reading(stream);
    await clock.advance(100);
    expect([slow.events.length, asked.snapshots]).toEqual([8, 1]);
  });

  test("that is always behind gets one snapshot a second, not one a batch", async () => {
    const { clock, feed, lose, asked } = world();
    const { events } = reading(feed.watch(undefined, anybody));
    for (let at = 0; at < 100; at++) {
      lose();
      await clock.advance(100);
    }
    expect(events.length).toBeLessThanOrEqual(11);
    expect(asked.snapshots).toBe(events.length);
  });

  test("is dropped after 30 s", async () => {
    const { clock, feed, change } = world();
    feed.watch(undefined, anybody);
    for (let at = 0; at < 31; at++) {
      change("a");
      await clock.advance(1_000);
    }
    expect(feed.watchers()).toBe(0);
  });
});

describe("streams end", () => {
  test("F11 when the key that watches ends", async () => {
    const { clock, feed, change } = world();
    let live = true;
    const { state, events } = reading(
      feed.watch(undefined, () => {
        if (!live) throw fault("GW_KEY_REVOKED", { message: "gone" });
      }),
    );
    await clock.advance(100);
    live = false;
    change("a secret");
    await clock.advance(100);
    expect([state.over, told(events), feed.watchers()]).toEqual([true, ["snapshot"], 0]);
  });

  test("when the gateway stops", async () => {
    const { clock, feed } = world();
    const { state } = reading(feed.watch(undefined, anybody));
    await clock.advance(100);
    feed.close();
    await clock.advance(0);
    expect(state.over).toBe(true);
  });

  test("R6 and there is a most of them", async () => {
    const { feed } = world();
    const all = Array.from({ length: limits.liveWatchers }, () => feed.watch(undefined, anybody));
    expect(() => feed.watch(undefined, anybody)).toThrow(/streams are open/);
    await all[0]?.cancel();
    expect(() => feed.watch(undefined, anybody)).not.toThrow();
  });
});

test("events are read whatever the pieces they come in", () => {
  const text =
    'id: 1\nevent: snapshot\ndata: {"seq":1}\n\n: nothing changed\n\nid: 2\nevent: later\n' +
    'data: {}\n\nid: 3\nevent: batch\ndata: {"seq":3,"gone":["\\n\\n"]}\n\n';
  for (let size = 1; size < text.length; size++) {
    const events: LiveEvent[] = [];
    const read = createEventReader((event) => events.push(event));
    for (let at = 0; at < text.length; at += size) read(text.slice(at, at + size));
    expect(events.map(seqOf)).toEqual([1, 3]);
  }
});
