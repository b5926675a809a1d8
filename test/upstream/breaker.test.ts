/** A server that fails most calls, and one that hangs while nobody calls it. */

import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/system.ts";
import { createBreaker } from "../../src/upstream/breaker.ts";
import type { Upstream, UpstreamState } from "../../src/upstream/upstream.ts";
import { type FaultServer, faultServer, json, okResult, status } from "../kit/fault-server.ts";
import { opened } from "../kit/opened.ts";
import { setClock } from "../kit/scripted.ts";
import { callTool, httpUpstream, startCall, testUpstream, untilState } from "../kit/upstream.ts";

const { keep } = opened();

/** Seconds pass as 50 ms. */
const quick = {
  ...systemClock,
  after: (ms: number, run: () => void) => systemClock.after(ms / 20, run),
};

type Fault = Parameters<typeof faultServer>[0];

async function start(
  answer: Fault,
  more: Parameters<typeof faultServer>[1] & Parameters<typeof httpUpstream>[1] = {},
): Promise<{ server: FaultServer; upstream: Upstream; states: UpstreamState[] }> {
  const { breaker = { failures: 3, of: 5, openMs: 2_000 }, healthMs, ...rest } = more;
  const server = await faultServer(answer, rest);
  keep(server);
  const config = httpUpstream(server.url, { breaker, healthMs });
  const upstream = await testUpstream(config, { clock: quick });
  keep(upstream);
  const states: UpstreamState[] = [];
  upstream.onChange(({ kind }) => {
    if (kind === "state") states.push(upstream.status().state);
  });
  upstream.start();
  await untilState(upstream, "ready");
  return { server, upstream, states };
}

const sent = ({ requests }: FaultServer) =>
  requests.filter(({ method }) => method === "tools/call").length;

describe("the breaker", () => {
  test("opens on failures, refuses at once, and closes when the server answers", async () => {
    let broken = true;
    const { server, upstream } = await start((socket, request) => {
      if (broken) socket.write(status(500));
      else socket.write(json(okResult(request)));
    });
    for (let count = 0; count < 3; count += 1) {
      expect((await callTool(upstream, "t")).text).toBe("GW_UPSTREAM_ERROR");
    }
    const { state, cause, nextAttemptMs } = upstream.status();
    expect(state).toBe("degraded");
    expect(cause).toContain("3 of its last 3 calls failed");
    expect(cause).toContain("HTTP 500");
    expect(nextAttemptMs).toBeGreaterThan(Date.now());
    const began = performance.now();
    const refused = await callTool(upstream, "t");
    expect(refused).toMatchObject({ kind: "thrown", text: "GW_UPSTREAM_FAILING", ends: 0 });
    expect(refused.why).toContain("tried again in");
    expect(performance.now() - began).toBeLessThan(50);
    expect(sent(server)).toBe(3);
    expect(upstream.status().inFlight).toBe(0);
    broken = false;
    await untilState(upstream, "ready");
    expect((await callTool(upstream, "t")).kind).toBe("response");
    expect(sent(server)).toBe(4);
  });

  test("calls that had no answer in time count; those that their client took back do not", async () => {
    const { server, upstream } = await start(() => undefined);
    for (const late of [false, false, false, false, true, true]) {
      (await startCall(upstream, "t").call).cancel("over", late);
    }
    expect(upstream.status().state).toBe("ready");
    (await startCall(upstream, "t").call).cancel("it was late", true);
    expect(upstream.status()).toMatchObject({ state: "degraded" });
    expect(upstream.status().cause).toContain("it was late");
    expect((await callTool(upstream, "t")).text).toBe("GW_UPSTREAM_FAILING");
    expect(sent(server)).toBeLessThanOrEqual(7);
  });

  test("a bad tool among good ones opens nothing; what the server answers is no failure", async () => {
    const { upstream } = await start((socket, request, count) => {
      const error = { code: -32603, message: "no" };
      if (count % 3 === 0) socket.write(status(500));
      else if (count % 3 === 1) socket.write(json({ jsonrpc: "2.0", id: request.id, error }));
      else socket.write(json(okResult(request)));
    });
    for (let count = 0; count < 30; count += 1) {
      expect((await callTool(upstream, "t")).text).not.toBe("GW_UPSTREAM_FAILING");
    }
  });

  test("each time it stays open twice as long, to a minute, until a call is good", async () => {
    const clock = setClock();
    const waits: number[] = [];
    const breaker = createBreaker({
      ...{ id: "s", clock, settings: () => ({ failures: 1, of: 1, openMs: 5_000 }) },
      opened: (_cause, until) => void waits.push((until - clock.now()) / 1000),
      tryIt: () => breaker.close(),
    });
    for (let count = 0; count < 6; count += 1) {
      breaker.bad("x");
      expect(breaker.refusal()?.code).toBe("GW_UPSTREAM_FAILING");
      await clock.advance(60_000);
      expect(breaker.refusal()).toBeUndefined();
    }
    breaker.good();
    breaker.bad("x");
    expect(waits).toEqual([5, 10, 20, 40, 60, 60, 5]);
  });

  test("an operator's retry closes it", async () => {
    const { upstream } = await start((socket) => void socket.write(status(500)));
    for (let count = 0; count < 3; count += 1) await callTool(upstream, "t");
    expect(upstream.status().state).toBe("degraded");
    (upstream as unknown as { retry(): void }).retry();
    expect(upstream.status().state).toBe("ready");
    expect((await callTool(upstream, "t")).text).toBe("GW_UPSTREAM_ERROR");
  });
});

describe("the health check", () => {
  const probes = ["server/discover", "ping"] as const;
  for (const probe of probes) {
    test(`${probe}: a server that hangs is degraded, then left, and found when it is back`, async () => {
      let hangs = false;
      const { server, upstream, states } = await start(
        (socket, request) => {
          if (hangs) return;
          const capabilities = { tools: {} };
          const result =
            request.method === "ping" ? {} : { supportedVersions: ["2026-07-28"], capabilities };
          socket.write(json({ jsonrpc: "2.0", id: request.id, result }));
        },
        {
          handles: probe === "ping" ? ["ping"] : ["server/discover"],
          ...(probe === "ping" ? { session: () => "s" } : {}),
          healthMs: 1_000,
        },
      );
      const asked = () => server.requests.filter(({ method }) => method === probe).length;
      const first = asked();
      await Bun.sleep(300);
      expect(asked()).toBeGreaterThan(first + 1);
      expect(states.at(-1)).toBe("ready");
      hangs = true;
      await untilState(upstream, "degraded");
      expect(upstream.status().cause).toContain("health check");
      if (probe === "ping") {
        // Its handshake is well: it is connected anew at once.
        await untilState(upstream, "ready");
        expect(states).toContain("backoff");
      } else await untilState(upstream, "backoff");
      hangs = false;
      await untilState(upstream, "ready");
    });
  }

  test("a call without an answer in time has it asked at once, unless others are in flight", async () => {
    const { server, upstream } = await start(() => undefined, { healthMs: 24 * 3_600_000 });
    const asked = () => server.requests.filter(({ method }) => method === "server/discover").length;
    const before = asked();
    const [one, other] = [startCall(upstream, "t"), startCall(upstream, "t")];
    await Bun.sleep(50);
    (await one.call).cancel("idle", true);
    await Bun.sleep(50);
    expect(asked()).toBe(before);
    (await other.call).cancel("idle", true);
    await Bun.sleep(50);
    expect(asked()).toBe(before + 1);
    expect(upstream.status().state).toBe("ready");
    const taken = startCall(upstream, "t");
    await Bun.sleep(50);
    (await taken.call).cancel("taken back");
    await Bun.sleep(50);
    expect(asked()).toBe(before + 1);
  });

  test("a server that is called is not asked, nor one where it is off", async () => {
    const { server, upstream } = await start(
      (socket, request) => void socket.write(json(okResult(request))),
      { healthMs: 1_000 },
    );
    const asked = () => server.requests.filter(({ method }) => method === "server/discover").length;
    const before = asked();
    for (let count = 0; count < 30; count += 1) {
      await callTool(upstream, "t");
      await Bun.sleep(5);
    }
    expect(asked() - before).toBeLessThanOrEqual(1);
  });
});
