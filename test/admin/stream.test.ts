/** The stream of a real gateway: nothing is missed at speed, a dead reader is nobody's matter. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import net from "node:net";
import { join } from "node:path";
import { adminClient } from "../../src/admin/client.ts";
import { type LiveEvent, type LiveSnapshot, paths } from "../../src/admin/contract.ts";
import { limits } from "../../src/base/limits.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";
import { echoHttp, type HttpServer } from "../kit/servers.ts";

let server: HttpServer;
let gateway: TestGateway;
let agent: RawAgent;

beforeAll(async () => {
  server = await echoHttp();
  gateway = await startGateway({
    program: "bun",
    policy: 'id: p\nallow: ["echo/*"]\n',
    config: { servers: { echo: { url: server.url, protocol: "legacy" } } },
  });
  agent = await rawAgent(gateway.url, await gateway.key("executor", "agent"));
  await until(async () => (await snapshot()).servers[0]?.tools === 1);
}, 60_000);
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await server?.stop();
}, 60_000);

const client = () => adminClient({ socket: join(gateway.folder, "admin.sock") });
const snapshot = () => client().get<LiveSnapshot>(paths.snapshot);
async function until(holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  for (const end = performance.now() + ms; ; await Bun.sleep(10)) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`not so within ${ms} ms: ${holds}`);
  }
}

/** `rate` calls a second for `ms`; gives how many. */
async function load(rate: number, ms: number): Promise<number> {
  const began = performance.now();
  const all: Promise<unknown>[] = [];
  for (let due = 0; performance.now() - began < ms; await Bun.sleep(2)) {
    for (; due < ((performance.now() - began) * rate) / 1000; due++) {
      all.push(agent.call("echo__echo", { text: "x" }));
    }
  }
  await Promise.all(all);
  return all.length;
}

function watching(after?: number) {
  const events: LiveEvent[] = [];
  const at: number[] = [];
  const watch = client().watch((event) => {
    events.push(event);
    at.push(performance.now());
  }, after);
  const ended = () => endedCalls(events);
  const last = () => {
    const event = events.at(-1);
    return event?.kind === "snapshot" ? event.snapshot.seq : event?.batch.seq;
  };
  return { watch, close: watch.close, events, at, ended, last };
}

/** Ids of calls that ended, in order, each as often as it was told. */
function endedCalls(events: readonly LiveEvent[]): string[] {
  const calls = events.flatMap((event) =>
    event.kind === "snapshot" ? [] : (event.batch.calls ?? []),
  );
  return calls.filter(({ stage }) => stage === "over").map(({ id }) => id);
}

test("at 1,000 calls a second every call is told once, in batches of 100 ms", async () => {
  const watch = watching();
  await until(() => watch.events.length > 0);
  const count = await load(1_000, 2_000);
  await until(() => watch.ended().length >= count);
  expect(count).toBeGreaterThan(1_500);
  const ids = watch.ended();
  expect([ids.length, new Set(ids).size]).toEqual([count, count]);
  expect(watch.events.map(({ kind }) => kind).lastIndexOf("snapshot")).toBe(0);
  const batches = watch.at.length - 1;
  const seconds = ((watch.at.at(-1) ?? 0) - (watch.at[0] ?? 0)) / 1000;
  expect(batches / seconds).toBeLessThanOrEqual(1000 / limits.liveBatchMs + 1);
  const [row] = (await snapshot()).servers;
  expect([row?.calls, row?.failed]).toEqual([count, 0]);
  expect(row?.p95Ms).toBeGreaterThan(0);
  watch.close();
}, 60_000);

test("a stream that broke goes on after its last seq; an old seq gets a snapshot", async () => {
  const first = watching();
  await until(() => first.events.length > 0);
  await load(50, 300);
  await until(() => first.events.length > 2);
  first.close();
  const seq = first.last();
  const count = await load(50, 300);
  const again = watching(seq);
  await until(() => again.ended().length >= count);
  expect(again.events.every(({ kind }) => kind === "batch")).toBe(true);
  expect(again.last()).toBe((seq ?? 0) + again.events.length);
  const old = watching((seq ?? 0) - 1_000);
  await until(() => old.events.length > 0);
  expect(old.events[0]?.kind).toBe("snapshot");
  for (const one of [again, old]) one.close();
}, 60_000);

test("a reader that stands still for 2 s neither grows the gateway nor slows its calls", async () => {
  const socket = net.connect(join(gateway.folder, "admin.sock"));
  let [bytes, text] = [0, ""];
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    text = (text + chunk.toString("latin1")).slice(-2_000_000);
  });
  socket.write(`GET ${paths.events} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  await until(() => bytes > 0);
  socket.pause();
  const memory = async () => {
    const { gauges } = await snapshot();
    return gauges.gauges.find(({ name }) => name === "memory")?.used ?? 0;
  };
  const before = await memory();
  const count = await load(1_000, 2_000);
  expect(count).toBeGreaterThan(1_500);
  expect((await memory()) - before).toBeLessThan(64 * 1024 * 1024);
  socket.resume();
  // It catches up: what it gets last is of now.
  const { seq } = await snapshot();
  const last = () => Number(/.*^id: (\d+)$/ms.exec(text)?.[1] ?? -1);
  await until(() => last() >= seq);
  socket.destroy();
}, 60_000);

test("the gateway that ends is told to who watches; the next run goes on with a snapshot", async () => {
  const watch = watching();
  await until(() => watch.events.length > 0);
  const stopped = gateway.stop();
  expect((await watch.watch.ended).code).toBe("GW_NOT_RUNNING");
  await stopped;
  await gateway.restart();
  const again = watching(watch.last());
  await until(() => again.events.length > 0);
  expect(again.events[0]?.kind).toBe("snapshot");
  again.close();
}, 60_000);
