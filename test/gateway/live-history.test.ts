/** Since when a server is in trouble: the first failure of those that go on. */

import { expect, test } from "bun:test";
import { withHistory } from "../../src/gateway/live-history.ts";
import { notKept } from "../../src/protocol/cache-hints.ts";
import type { Upstream, UpstreamChange, UpstreamState } from "../../src/upstream/upstream.ts";
import { setClock } from "../kit/scripted.ts";

function historyOf() {
  const clock = setClock(1_000);
  let state: UpstreamState = "idle";
  let lists = true;
  let told: (change: UpstreamChange) => void = () => undefined;
  const fake = {
    id: "x",
    status: () => ({ state, cause: "refused", protocol: undefined }),
    hello: () => undefined,
    onChange(listener: typeof told) {
      told = listener;
    },
    async list() {
      if (!lists) throw new Error("no list");
      return { items: [], hints: notKept };
    },
  } as unknown as Upstream;
  const { upstream, history } = withHistory(fake, clock);
  return {
    history,
    async enter(next: UpstreamState, afterMs = 1_000) {
      await clock.advance(afterMs);
      state = next;
      told({ kind: "state" });
    },
    async list(works: boolean, afterMs = 1_000) {
      await clock.advance(afterMs);
      lists = works;
      await upstream.list("tools/list").catch(() => undefined);
    },
  };
}

test("retries do not begin it anew, being ready ends it, the next run has its own", async () => {
  const { history, enter } = historyOf();
  await enter("starting");
  expect(history.failingSinceMs).toBeUndefined();
  for (const state of ["backoff", "starting", "backoff", "starting", "crash-loop"] as const) {
    await enter(state);
    expect(history.failingSinceMs).toBe(2_000);
  }
  await enter("starting");
  await enter("ready");
  expect(history.failingSinceMs).toBeUndefined();
  await enter("degraded");
  expect(history.failingSinceMs).toBe(10_000);
  await enter("disabled");
  expect(history.failingSinceMs).toBeUndefined();
});

test("ready for a moment, again and again, is not well; late is not unsteady", async () => {
  const { history, enter } = historyOf();
  for (let tries = 0; tries < 5; tries += 1) {
    await enter("starting");
    await enter("backoff");
  }
  await enter("starting");
  await enter("ready");
  expect(history.unsteady).toBeUndefined();
  for (let falls = 0; falls < 3; falls += 1) {
    await enter("backoff");
    await enter("starting");
    await enter("ready");
  }
  expect(history.unsteady).toBe("it failed 3 times within a minute; last: refused");
  await enter("ready", 60_000);
  expect(history.unsteady).toBeUndefined();
});

test("a list that fails counts from its first failure, until one succeeds", async () => {
  const { history, enter, list } = historyOf();
  await enter("starting");
  await enter("ready");
  await list(false);
  await list(false);
  expect(history.failingSinceMs).toBe(4_000);
  await list(true);
  expect(history.failingSinceMs).toBeUndefined();
  await list(false);
  await enter("stopped");
  expect(history.failingSinceMs).toBeUndefined();
});

test("a change for the worse has what it means and what to do, as it was then", async () => {
  const { history, enter } = historyOf();
  let tools = 14;
  history.explain(() => ({ effect: `calls of ${tools} tools fail for 5 keys`, fix: "start it" }));
  await enter("starting");
  await enter("ready");
  expect(history.entries[0]?.effect).toBeUndefined();
  await enter("backoff");
  tools = 3;
  expect(history.entries[0]).toMatchObject({
    what: "backoff: refused",
    effect: "calls of 14 tools fail for 5 keys",
    fix: "start it",
  });
});
