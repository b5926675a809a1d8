/** A server that is exchanged while it is used: where calls go, and when the old one ends. */

import { describe, expect, test } from "bun:test";
import { fault } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { type Member, openSwappable } from "../../src/upstream/swap.ts";
import type {
  UpstreamChange,
  UpstreamRequest,
  UpstreamSink,
  UpstreamState,
  UpstreamStatus,
} from "../../src/upstream/upstream.ts";
import { setClock, settle } from "../kit/scripted.ts";

/** One that is driven by hand and remembers what was done to it. */
function member(name: string, first: UpstreamState = "ready") {
  const listeners: ((change: UpstreamChange) => void)[] = [];
  const log: string[] = [];
  const cause = name as string | undefined;
  const at = { state: first, inFlight: 0, fails: false, cause };
  const self: Member & { at: typeof at; log: string[]; to(state: UpstreamState): void } = {
    ...{ id: "s", at, log },
    to(state) {
      at.state = state;
      for (const listener of listeners) listener({ kind: "state" });
    },
    status: () =>
      ({
        state: at.state,
        inFlight: at.inFlight,
        cause: at.cause,
        stderr: [],
      }) as unknown as UpstreamStatus,
    hello: () => undefined,
    send() {
      log.push("send");
      if (at.fails) return Promise.reject(fault("GW_UPSTREAM_DOWN", { message: name }));
      at.inFlight += 1;
      return { era: "legacy", cancel: () => undefined };
    },
    list: () => Promise.reject(new Error("none")),
    async subscribe(uri) {
      log.push(`subscribe ${uri}`);
    },
    unsubscribe: (uri) => void log.push(`unsubscribe ${uri}`),
    onChange: (listener) => void listeners.push(listener),
    start() {
      log.push("start");
      if (at.state === "idle") at.state = "starting";
    },
    stop: async (cause) => void log.push(`stop: ${cause}`),
    retry: () => void log.push("retry"),
    restart: async () => void log.push("restart"),
    disable: async (cause) => void log.push(`disable: ${cause}`),
    enable: async () => void log.push("enable"),
  };
  return self;
}

const request = {} as UpstreamRequest;
const sink = {} as UpstreamSink;

function world(first: UpstreamState = "ready") {
  const clock = setClock();
  const old = member("old", first);
  const events: string[] = [];
  const note = (what: string) => () => {
    events.push(`${what} ${swappable.status().state}`);
  };
  const swappable = openSwappable(old, clock, { waits: note("waits"), taken: note("taken") });
  let told = 0;
  swappable.onChange(() => {
    told += 1;
  });
  return { clock, old, swappable, events, told: () => told };
}

describe("who takes what comes", () => {
  test("the one before until the new one is ready; in flight ends where it began", async () => {
    const { clock, old, swappable, told } = world();
    const next = member("next", "idle");
    await swappable.send(request, sink);
    const swapped = swappable.swap(next).over;
    await swappable.send(request, sink);
    expect([old.at.inFlight, next.at.inFlight]).toEqual([2, 0]);
    next.to("ready");
    await swapped;
    await swappable.send(request, sink);
    expect([old.at.inFlight, next.at.inFlight, told()]).toEqual([2, 1, 1]);
    expect(swappable.status()).toMatchObject({ inFlight: 3, cause: "next" });
    expect(swappable.status().instances).toMatchObject([{ inFlight: 2 }]);
    await clock.advance(60_000);
    expect(old.log).not.toContain("stop: replaced by a reload");
    old.at.inFlight = 0;
    await clock.advance(limits.drainLookMs);
    expect(old.log).toContain("stop: replaced by a reload");
    expect(swappable.status().instances).toBeUndefined();
  });

  test("at once where the one before is of no use", async () => {
    for (const state of ["backoff", "crash-loop", "disabled", "starting"] as const) {
      const { swappable } = world(state);
      const next = member("next", "idle");
      await swappable.swap(next).over;
      expect(swappable.status().state).toBe("starting");
    }
  });

  test("one that is disabled at once: the config says that nothing goes there", async () => {
    const { old, swappable } = world();
    await swappable.swap(member("next", "disabled")).over;
    expect(swappable.status().state).toBe("disabled");
    expect(old.log).not.toContain("send");
  });

  test("one that an operator disables while it starts, at once", async () => {
    const { swappable } = world();
    const next = member("next", "idle");
    const swapped = swappable.swap(next).over;
    next.to("disabled");
    expect(await swapped).toBe(true);
  });

  test("the new one after a minute, even if it is not ready: the config says so", async () => {
    const { clock, swappable } = world();
    const next = member("next", "idle");
    void swappable.swap(next);
    next.to("backoff");
    await clock.advance(limits.handoverMs - 1);
    expect(swappable.status().state).toBe("ready");
    await clock.advance(1);
    expect(swappable.status().state).toBe("backoff");
  });

  test("until then it is said why the new one is not up, and until when the old one answers", async () => {
    const { clock, swappable, events } = world();
    const next = member("refused", "idle");
    const { tried } = swappable.swap(next);
    let isTried = false;
    void tried.then(() => {
      isTried = true;
    });
    const untilMs = clock.now() + limits.handoverMs;
    expect(swappable.status().handover).toMatchObject({ state: "starting", untilMs });
    await settle();
    expect(isTried).toBe(false);
    next.to("backoff");
    await tried;
    next.at.cause = undefined;
    next.to("starting");
    const { state, handover } = swappable.status();
    expect([state, handover?.state, handover?.cause]).toEqual(["ready", "starting", "refused"]);
    next.to("ready");
    expect(swappable.status().handover).toBeUndefined();
    expect(events).toEqual(["waits ready", "waits ready", "taken ready"]);
  });

  test("one that is not waited for is tried all the same", async () => {
    const { swappable } = world("backoff");
    const next = member("next", "idle");
    const { over, tried } = swappable.swap(next);
    expect(await over).toBe(true);
    expect(await Promise.race([tried.then(() => "tried"), settle()])).toBeUndefined();
    next.to("backoff");
    await tried;
  });

  test("a newer one stops one that never took over", async () => {
    const { swappable, clock } = world();
    const [second, third] = [member("second", "idle"), member("third", "idle")];
    const first = swappable.swap(second).over;
    const last = swappable.swap(third).over;
    expect(await first).toBe(false);
    second.to("ready");
    expect(swappable.status().cause).toBe("old");
    expect(second.log).toContain("stop: replaced by a reload");
    third.to("ready");
    expect(await last).toBe(true);
    expect(swappable.status().cause).toBe("third");
    await clock.advance(limits.handoverMs);
    expect(swappable.status().cause).toBe("third");
  });

  test("U27 what was not sent to one that went is sent to the one that came, once", async () => {
    const { old, swappable } = world();
    old.at.fails = true;
    const sent = swappable.send(request, sink);
    const next = member("next");
    await swappable.swap(next).over;
    await sent;
    expect(next.at.inFlight).toBe(1);
    next.at.fails = true;
    await expect(swappable.send(request, sink)).rejects.toThrow("next");
    expect(next.log.filter((one) => one === "send").length).toBe(2);
  });

  test("what is watched is watched at the new one too", async () => {
    const { old, swappable } = world();
    await swappable.subscribe("a://1");
    await swappable.subscribe("a://2");
    swappable.unsubscribe("a://2");
    const next = member("next");
    await swappable.swap(next).over;
    expect(next.log).toEqual(["start", "subscribe a://1"]);
    expect(old.log).toContain("unsubscribe a://2");
  });
});

describe("bounds", () => {
  test("calls that hang on are ended after an hour, and of nine old ones the oldest", async () => {
    const { clock, old, swappable } = world();
    const all = [old];
    for (let n = 0; n < limits.drainingPerServer + 1; n++) {
      (all.at(-1) as typeof old).at.inFlight = 1;
      const next = member(`n${n}`);
      await swappable.swap(next).over;
      all.push(next);
    }
    const stopped = () => all.filter(({ log }) => log.some((one) => one.startsWith("stop"))).length;
    expect(stopped()).toBe(1);
    expect(old.log).toContain("stop: replaced by a reload");
    await clock.advance(limits.serverDrainMs + limits.drainLookMs);
    expect(stopped()).toBe(limits.drainingPerServer + 1);
  });

  test("stop ends the one in use, the next one and those that drain", async () => {
    const { old, swappable } = world();
    old.at.inFlight = 1;
    const [second, third] = [member("second"), member("third", "idle")];
    await swappable.swap(second).over;
    void swappable.swap(third);
    await swappable.stop();
    await settle();
    for (const one of [old, second, third]) {
      expect(one.log.some((line) => line.startsWith("stop"))).toBe(true);
    }
  });
});
