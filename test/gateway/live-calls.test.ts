/** Which rows of the board are told, and what the pulse counts of it. */

import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createBoard, type LiveCall } from "../../src/call/board.ts";
import type { Incoming } from "../../src/call/incoming.ts";
import { callRow, createCallFeed } from "../../src/gateway/live-calls.ts";
import { createPulse } from "../../src/gateway/pulse.ts";
import { setClock } from "../kit/scripted.ts";

function world() {
  const clock = setClock();
  const board = createBoard(clock);
  const begin = (): LiveCall => {
    const call = board.begin({
      identity: { keyId: "k-1", keyName: "agent", roles: [], claims: {}, expiresMs: null },
      client: { name: "c", version: "1" },
      ...{ session: "", era: "legacy", protocol: "2025-11-25", arrived: clock.mono() },
    } as unknown as Incoming);
    call.target = "s/t";
    call.server = "s";
    return call;
  };
  /** One call of the server s that took `ms` there. */
  const made = async (ms: number, outcome: LiveCall["outcome"] = "ok") => {
    const call = begin();
    await clock.advance(1);
    call.sentAt = clock.mono();
    await clock.advance(ms);
    call.answeredAt = clock.mono();
    call.endedAt = clock.mono();
    call.outcome = outcome;
    board.end(call);
  };
  return { clock, board, begin, made, feed: createCallFeed(board, "/etc/gw") };
}

const ids = (rows: ReturnType<ReturnType<typeof world>["feed"]["changed"]>) =>
  rows === "lost" ? rows : rows.map(({ id, stage }) => `${id} ${stage}`);

test("a call is told when it begins, at each stage, and once when it is over", async () => {
  const { clock, board, begin, feed } = world();
  await clock.advance(5);
  const call = begin();
  expect(ids(feed.changed())).toEqual(["c-1 waiting"]);
  expect(ids(feed.changed())).toEqual([]);
  call.stage = "server";
  call.sentAt = clock.mono();
  const deadline = { idleAt: 60_000, maxAt: 600_000, extended: false };
  call.deadline = deadline;
  call.timeout = { idleMs: 60_000, maxMs: 600_000, setting: "servers.s.timeout" };
  const rows = feed.changed();
  const shown = rows === "lost" ? undefined : rows[0]?.deadline;
  expect(shown?.atMs).toBe(call.startedMs + 60_000 - call.arrived);
  expect(shown?.setting).toBe("servers.s.timeout.idle");
  expect(ids(feed.changed())).toEqual([]);
  // A sign of life moves the deadline: whoever shows it has to know.
  call.deadline = { ...deadline, idleAt: 90_000 };
  expect(ids(feed.changed())).toEqual(["c-1 server"]);
  board.end(call);
  expect(ids(feed.changed())).toEqual(["c-1 over"]);
  expect(ids(feed.changed())).toEqual([]);
});

test("one that begins and ends in between is told once; more than the ring is lost", async () => {
  const { board, begin, made, feed } = world();
  await made(3);
  expect(ids(feed.changed())).toEqual(["c-1 over"]);
  for (let at = 0; at < limits.boardCalls; at++) board.end(begin());
  expect(feed.changed()).toHaveLength(limits.boardCalls);
  for (let at = 0; at <= limits.boardCalls; at++) board.end(begin());
  expect(feed.changed()).toBe("lost");
  expect(ids(feed.changed())).toEqual([]);
  expect(feed.rows()).toHaveLength(limits.liveCalls);
  expect(feed.rows().at(-1)?.id).toBe(`c-${2 * limits.boardCalls + 2}`);
});

test("of a call that ended is kept all that is shown, in a used row too", async () => {
  const { clock, board, begin } = world();
  for (let at = 0; at < limits.boardCalls; at++) board.end(begin());
  for (const had of [0, 1]) {
    await clock.advance(5);
    const call = begin();
    const decision = {
      effect: "allow",
      code: undefined,
      rule: undefined,
      undecided: false,
      matched: [],
      hint: "h",
    };
    Object.assign(call, { decision, argsBytes: 7, resultBytes: 8, receipt: `r-${had}` });
    Object.assign(call, { outcome: "ok", code: "GW_X", why: "y", serverEra: "modern", dropped: 2 });
    const at = { decidedAt: 1, sentAt: 2, queuedAt: 2, queuedMs: 1, answeredAt: 4, endedAt: 5 };
    for (const [name, ms] of Object.entries(at)) Object.assign(call, { [name]: call.arrived + ms });
    board.end(call);
    const kept = board.recent[(board.ended - 1) % limits.boardCalls];
    expect(kept && callRow(kept, "/")).toEqual(callRow(call, "/"));
    for (let n = 1; n < limits.boardCalls; n++) board.end(begin());
  }
});

test("R6 of a name as long as a request only the beginning is kept", () => {
  const { board, begin } = world();
  const call = begin();
  call.target = "é".repeat(limits.boardText + 1);
  call.why = "w".repeat(limits.boardText);
  board.end(call);
  const { target, why } = board.recent[0] as LiveCall;
  expect(target).toBe(`${"é".repeat(limits.boardText)}…`);
  expect(why).toBe(call.why);
});

test("a call that was wrong itself is a denial; one that was lost inside is unknown", async () => {
  const { clock, board, begin, feed } = world();
  await clock.advance(1);
  const wrong = begin();
  wrong.code = "GW_PARAMS";
  board.end(wrong);
  const lost = begin();
  lost.sentAt = clock.mono();
  board.end(lost);
  const rows = feed.changed();
  expect(rows === "lost" ? [] : rows.map(({ outcome }) => outcome)).toEqual(["denied", "unknown"]);
});

test("the pulse: calls and errors a second, p50 and p95 of a server, and who failed", async () => {
  const { clock, board, made } = world();
  const pulse = createPulse(board, clock);
  for (let at = 1; at <= 20; at++) await made(at, at === 20 ? "timeout" : "ok");
  await made(1, "tool_error");
  const stats = pulse.server("s");
  expect([stats.calls, stats.failed, stats.p50Ms, stats.p95Ms]).toEqual([21, 1, 10, 19]);
  expect(pulse.server("other")).toEqual({ calls: 0, failed: 0, p50Ms: null, p95Ms: null });
  await clock.advance(1_000);
  expect([pulse.callsPerSecond, pulse.errorsPerSecond]).toEqual([21, 2]);
  await clock.advance(1_000);
  expect([pulse.callsPerSecond, pulse.errorsPerSecond]).toEqual([0, 0]);
  pulse.stop();
});

test("the pulse counts every call of 5,000 a second, though the board keeps a thousand", async () => {
  const { clock, board, begin } = world();
  const pulse = createPulse(board, clock);
  await clock.advance(1);
  for (let at = 0; at < 40; at++) {
    // At first so many that the ring goes round between two looks.
    for (let burst = 0; burst < (at === 0 ? 3_210 : 500); burst++) {
      const call = begin();
      call.sentAt = clock.mono();
      board.end(call);
    }
    await clock.advance(100);
  }
  expect(pulse.server("s").calls).toBe(board.ended);
  expect(pulse.callsPerSecond).toBeGreaterThan(4_000);
  pulse.stop();
});
