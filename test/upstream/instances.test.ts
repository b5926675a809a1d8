/** Which process or session of a legacy server takes a call, and in which order. */

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { limits } from "../../src/base/limits.ts";
import { systemClock } from "../../src/base/system.ts";
import type { Origin, ServerRequest, Upstream } from "../../src/upstream/upstream.ts";
import type { Step } from "../kit/asking-child.ts";
import { opened } from "../kit/opened.ts";
import {
  askingChild,
  callTool,
  originOf,
  startCall,
  stdioUpstream,
  testUpstream,
  told,
  until,
  untilState,
} from "../kit/upstream.ts";

const { keep, ready } = opened();

type More = Parameters<typeof stdioUpstream>[1];

async function child(more: More = {}, mode = "", options: object = {}): Promise<Upstream> {
  return await ready(await testUpstream(askingChild(more, mode), options));
}

async function tell(upstream: Upstream, what: Step["tell"], origin?: Origin): Promise<unknown> {
  const outcome = await callTool(upstream, "t", { steps: [{ tell: what }] }, origin && { origin });
  if (outcome.kind !== "response") throw new Error(`${outcome.text}: ${outcome.why}`);
  return told(outcome.text)[0];
}

const form = { elicitation: {} };
const roots = { roots: { listChanged: true } };
const both = { ...form, sampling: { tools: {} } };

test("shared: clients that can be asked the same have one process, told just that", async () => {
  const upstream = await child();
  const first = await tell(upstream, "pid");
  expect(await tell(upstream, "pid", originOf("k1", {}))).toBe(first);
  expect(upstream.status()).toMatchObject({ pid: first, instances: [] });
  const asked = await tell(upstream, "pid", originOf("k1", form));
  expect(asked).not.toBe(first);
  expect(await tell(upstream, "pid", originOf("k2", { elicitation: { form: {} } }))).toBe(asked);
  expect(await tell(upstream, "capabilities", originOf("k1", form))).toEqual({
    elicitation: { form: {} },
  });
  expect(await tell(upstream, "capabilities", originOf("k1", both))).toEqual({
    elicitation: { form: {} },
    sampling: { tools: {} },
  });
  expect(await tell(upstream, "capabilities")).toEqual({});
  expect(upstream.status().instances).toEqual([
    { name: "elicitation", state: "ready", cause: undefined, pid: asked, inFlight: 0, waiting: 0 },
    expect.objectContaining({ name: "elicitation, sampling", state: "ready" }),
  ]);
});

test("shared: four processes at most; the longest unused one makes room, else the call is refused", async () => {
  const upstream = await child();
  const kinds = [form, roots, both].map((capabilities) => originOf("k", capabilities));
  for (const origin of kinds) await tell(upstream, "pid", origin);
  const before = upstream.status().instances!;
  expect(before.length).toBe(3);
  await tell(upstream, "pid", kinds[0]);
  const other = originOf("k", { ...roots, ...form });
  await tell(upstream, "pid", other);
  expect(upstream.status().instances!.map(({ name }) => name)).toEqual([
    "elicitation",
    "elicitation, sampling",
    "elicitation, roots",
  ]);
  const steps = [{ sleep: 300 }];
  for (const origin of [kinds[0]!, kinds[2]!, other])
    startCall(upstream, "t", { steps }, { origin });
  expect(upstream.status().inFlight).toBe(3);
  const refused = await callTool(upstream, "t", {}, { origin: kinds[1]! });
  expect(refused).toMatchObject({ kind: "thrown", text: "GW_UPSTREAM_BUSY" });
  expect(refused.why).toContain("`instance: shared` allows 4");
});

test("per-key and per-session: whose call it is decides", async () => {
  const perKey = await child({ instance: "per-key" });
  const a = await tell(perKey, "pid", originOf("a", {}));
  expect(a).not.toBe(perKey.status().pid);
  expect(await tell(perKey, "pid", originOf("a", {}, { session: "s" }))).toBe(a);
  expect(await tell(perKey, "pid", originOf("b", {}))).not.toBe(a);
  const perSession = await child({ instance: "per-session" });
  const one = await tell(perSession, "pid", originOf("a", {}, { session: "one" }));
  expect(await tell(perSession, "pid", originOf("a", {}, { session: "two" }))).not.toBe(one);
  expect(await tell(perSession, "pid", originOf("a", {}, { session: "one" }))).toBe(one);
  expect(perSession.status().instances!.map(({ name }) => name)).toEqual([
    "no capabilities of key a, session one",
    "no capabilities of key a, session two",
  ]);
});

test("F14 100 concurrent calls of two clients that are asked: each question reaches its own call", async () => {
  const upstream = await child();
  const wrong: string[] = [];
  const ends = Array.from({ length: 100 }, (_, at) => {
    const key = `k${at % 2}`;
    const mine = `${key} call ${at}`;
    const steps: Step[] = [1, 2].map((n) => ({ ask: `"${mine} ${n}"`, params: { mine } }));
    const asked = (question: ServerRequest) => {
      if (question.params["mine"] !== mine) wrong.push(`${mine} got ${question.params["mine"]}`);
      question.result([JSON.stringify({ from: mine })]);
    };
    return callTool(upstream, "t", { steps }, { origin: originOf(key, form), asked });
  });
  const all = await Promise.all(ends);
  expect(wrong).toEqual([]);
  expect(all.filter(({ kind }) => kind !== "response")).toEqual([]);
  for (const [at, { text }] of all.entries()) {
    const answers = told(text).map((line: string) => JSON.parse(line).result.from);
    expect(answers).toEqual([`k${at % 2} call ${at}`, `k${at % 2} call ${at}`]);
  }
  expect(upstream.status()).toMatchObject({ inFlight: 0, unattributed: { question: 0 } });
});

test("one at a time, the clients in turn; a call taken back leaves the queue, and waits unsent", async () => {
  const upstream = await child();
  const order: string[] = [];
  const call = (key: string, name: string) => {
    const steps: Step[] = [{ ask: `"${name}"` }];
    return startCall(
      upstream,
      "t",
      { steps },
      {
        origin: originOf(key, form),
        asked(question) {
          order.push(name);
          setTimeout(() => question.result(["{}"]), 10);
        },
      },
    );
  };
  const greedy = [1, 2, 3, 4].map((n) => call("greedy", `g${n}`));
  const modest = call("modest", "m1");
  expect(upstream.status()).toMatchObject({
    inFlight: 5,
    instances: [{ inFlight: 5, waiting: 4 }],
  });
  const third = await greedy[2]!.call;
  expect(third.waitsFor).toContain("one call at a time");
  third.cancel("enough");
  expect(upstream.status()).toMatchObject({ inFlight: 4, instances: [{ waiting: 3 }] });
  await Promise.all([greedy[0]!.end, greedy[1]!.end, greedy[3]!.end, modest.end]);
  expect(order).toEqual(["g1", "g2", "m1", "g4"]);
  expect(upstream.status()).toMatchObject({
    inFlight: 0,
    instances: [{ inFlight: 0, waiting: 0 }],
  });
});

test("max_in_flight counts those that wait, and all processes together", async () => {
  const upstream = await child({ maxInFlight: 3 });
  const steps = [{ sleep: 200 }];
  const origin = originOf("k", form);
  const running = [
    startCall(upstream, "t", { steps }, { origin }),
    startCall(upstream, "t", { steps }, { origin }),
    startCall(upstream, "t", { steps }),
  ];
  for (const caller of [{ origin }, {}]) {
    const refused = await callTool(upstream, "t", { steps }, caller);
    expect(refused).toMatchObject({ kind: "thrown", text: "GW_UPSTREAM_BUSY" });
  }
  for (const { end } of running) expect((await end).kind).toBe("response");
  expect(upstream.status().inFlight).toBe(0);
});

test("F14 a process whose taken-back call asks is replaced, and the next question arrives", async () => {
  const upstream = await child();
  const origin = originOf("k", form);
  const ghost = startCall(
    upstream,
    "t",
    { steps: [{ sleep: 150 }, { ask: '"ghost"' }] },
    { origin },
  );
  const taken = await ghost.call;
  await until(() => upstream.status().instances![0]!.state === "ready");
  await Bun.sleep(20);
  const { pid } = upstream.status().instances![0]!;
  taken.cancel("enough");
  const seen: ServerRequest[] = [];
  const asked = (question: ServerRequest) => {
    seen.push(question);
    question.result(["{}"]);
  };
  const second = await callTool(upstream, "t", { steps: [{ sleep: 300 }] }, { origin, asked });
  expect(second.kind).toBe("response");
  expect(seen).toEqual([]);
  const third = await callTool(upstream, "t", { steps: [{ ask: '"good"' }] }, { origin, asked });
  expect(third.kind).toBe("response");
  expect(seen.length).toBe(1);
  expect(upstream.status().instances![0]!.pid).not.toBe(pid);
  expect(upstream.status().unattributed).toEqual({ question: 1, log: 0, answer: 0 });
});

test("what a server asks when it is initialized is no call's; with its own process it is the first call's", async () => {
  const origin = originOf("k", roots);
  const questions: ServerRequest[] = [];
  const asked = (question: ServerRequest) => {
    questions.push(question);
    question.result(['{"roots":[{"uri":"file:///mine"}]}']);
  };
  const steps: Step[] = [{ sleep: 50 }, { tell: "after" }];
  const shared = await child({}, "roots-at-start");
  const outcome = await callTool(shared, "t", { steps }, { origin, asked });
  expect(questions).toEqual([]);
  expect(told(outcome.text)[0]).toEqual(['{"jsonrpc":"2.0","id":"early","result":{"roots":[]}}']);
  const own = await child({ instance: "per-key" }, "roots-at-start");
  await callTool(own, "t", { steps }, { origin, asked });
  expect(questions.length).toBe(1);
});

test("a process that dies fails its call, those that wait go on with the next one", async () => {
  const upstream = await child();
  const origin = originOf("k", form);
  const first = startCall(upstream, "t", { steps: [{ sleep: 50 }, { exit: true }] }, { origin });
  const second = callTool(upstream, "t", { steps: [{ tell: "pid" }] }, { origin });
  expect(await first.end).toMatchObject({ kind: "failed", text: "GW_UPSTREAM_LOST", ends: 1 });
  expect((await second).kind).toBe("response");
});

test("an operator's disable and restart end all processes", async () => {
  const upstream = await child();
  const control = upstream as Upstream & { disable(why: string): Promise<void> } & {
    enable(): Promise<void>;
    restart(): Promise<void>;
  };
  const origin = originOf("k", form);
  const pid = await tell(upstream, "pid", origin);
  await control.restart();
  expect(upstream.status().instances).toEqual([]);
  await untilState(upstream, "ready");
  expect(await tell(upstream, "pid", origin)).not.toBe(pid);
  const steps = [{ sleep: 5_000 }];
  const running = startCall(upstream, "t", { steps }, { origin });
  const waiting = startCall(upstream, "t", { steps }, { origin });
  // Lists may be read first: until then both wait.
  await until(() => upstream.status().instances?.[0]?.waiting === 1);
  await control.disable("by a test");
  const why = "the gateway ended its process";
  expect(await running.end).toMatchObject({ text: "GW_UPSTREAM_LOST", why, mayHaveRun: true });
  expect(await waiting.end).toMatchObject({ text: "GW_SERVER_DISABLED", mayHaveRun: false });
  const refused = await callTool(upstream, "t", {}, { origin });
  expect(refused).toMatchObject({ kind: "thrown", text: "GW_SERVER_DISABLED" });
  expect(refused.why).toMatch(/^by a test, since 2\d\d\d-.*Z$/);
  expect(upstream.status()).toMatchObject({ state: "disabled", inFlight: 0, instances: [] });
});

test("a process that nobody uses is closed", async () => {
  let later = 0;
  const clock = {
    ...systemClock,
    mono: () => systemClock.mono() + later,
    after: (ms: number, run: () => void) =>
      systemClock.after(ms === limits.instanceSweepMs ? 20 : ms, run),
  };
  const upstream = await child({}, "", { clock });
  await tell(upstream, "pid", originOf("k", form));
  await Bun.sleep(60);
  expect(upstream.status().instances!.length).toBe(1);
  const running = startCall(
    upstream,
    "t",
    { steps: [{ sleep: 100 }] },
    { origin: originOf("k", form) },
  );
  later = 31 * 60_000;
  await Bun.sleep(60);
  expect(upstream.status().instances!.length).toBe(1);
  await running.end;
  later = 62 * 60_000;
  await until(() => upstream.status().instances!.length === 0);
});

test("a process that cannot start is shown, though the first is well", async () => {
  const upstream = await child({}, "one-only");
  const changes: string[] = [];
  upstream.onChange(() => changes.push(upstream.status().state));
  const refused = await callTool(upstream, "t", {}, { origin: originOf("k", form) });
  expect(refused).toMatchObject({ kind: "failed", text: "GW_UPSTREAM_DOWN", mayHaveRun: false });
  const { state, cause, instances } = upstream.status();
  expect([state, cause]).toEqual([
    "degraded",
    "for clients with elicitation: it exited with code 5",
  ]);
  expect(instances![0]!.state).toBe("backoff");
  expect(changes).toEqual(["degraded"]);
  expect((await callTool(upstream, "t")).kind).toBe("response");
});

test("what a server offers only to clients that can be asked is listed once one was met", async () => {
  const upstream = await child({}, "conditional");
  const lists: string[] = [];
  upstream.onChange((change) => {
    if (change.kind === "list") lists.push(change.method);
  });
  const names = async () =>
    (await upstream.list("tools/list")).items.map(({ value }) => value["name"]);
  expect(await names()).toEqual(["t"]);
  upstream.meet?.(originOf("k", {}));
  upstream.meet?.(originOf("k", roots));
  upstream.meet?.(originOf("k", form));
  await until(() => lists.length > 0);
  expect(lists).toEqual(["tools/list"]);
  expect(await names()).toEqual(["t", "asks"]);
  // The one that offers nothing more was closed; each kind is looked at once.
  await until(() => upstream.status().instances!.length === 1);
  expect(upstream.status().instances![0]!.name).toBe("elicitation");
  upstream.meet?.(originOf("other", roots));
  expect(upstream.status().instances!.length).toBe(1);
  expect((await callTool(upstream, "asks", {}, { origin: originOf("k", form) })).kind).toBe(
    "response",
  );
});

test("with a process a key, what is learnt from is another: the first call answers its start", async () => {
  const upstream = await child({ instance: "per-key" }, "conditional roots-at-start");
  const origin = originOf("k", { ...form, ...roots });
  const learnt = Promise.withResolvers<void>();
  upstream.onChange(({ kind }) => kind === "list" && learnt.resolve());
  upstream.meet?.(origin);
  await learnt.promise;
  await until(() => upstream.status().instances!.length === 0);
  const questions: ServerRequest[] = [];
  const asked = (question: ServerRequest) => {
    questions.push(question);
    question.result(['{"roots":[{"uri":"file:///mine"}]}']);
  };
  await callTool(upstream, "t", { steps: [{ sleep: 50 }] }, { origin, asked });
  expect(questions.length).toBe(1);
});

const slowStart = [
  { name: "the first process starts", startedBefore: false },
  { name: "the process for its client starts", startedBefore: true },
];
for (const { name, startedBefore } of slowStart) {
  test(`U27 a call that ends while ${name} is never sent`, async () => {
    const seen = join(mkdtempSync(join(tmpdir(), "gw-unsent-")), "seen");
    const script = join(import.meta.dir, "../kit/asking-child.ts");
    const line = `sleep 0.3; tee -a "${seen}" | exec "${process.execPath}" "${script}"`;
    const config = stdioUpstream(["sh", "-c", line], { protocol: "legacy" });
    const upstream = await testUpstream(config);
    keep(upstream);
    upstream.start();
    if (startedBefore) await untilState(upstream, "ready");
    const { call, sink } = startCall(upstream, "t", {}, { origin: originOf("k", form) });
    const ended = call.then(
      (taken) => taken.cancel("its time is over"),
      () => undefined,
    );
    await Bun.sleep(50);
    sink.over = true;
    await ended;
    await callTool(upstream, "t", { steps: [] }, { origin: originOf("k", form) });
    const calls = readFileSync(seen, "utf8").match(/"tools\/call"/g);
    expect(calls?.length).toBe(1);
  });
}
