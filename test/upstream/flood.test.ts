/** U18, R12: what a server tells and asks beside its calls, without end. */

import { describe, expect, test } from "bun:test";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { limits } from "../../src/base/limits.ts";
import { createFlood } from "../../src/upstream/flood.ts";
import type { UpstreamChange } from "../../src/upstream/upstream.ts";
import { startChild } from "../kit/child.ts";
import { setClock } from "../kit/scripted.ts";
import {
  callTool,
  httpUpstream,
  stdioUpstream,
  testUpstream,
  untilState,
} from "../kit/upstream.ts";

const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value));
const changed = { jsonrpc: "2.0", method: "notifications/tools/list_changed" };
const updated = (uri: string) => ({
  ...{ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri } },
});

function start() {
  const clock = setClock();
  const told: string[] = [];
  let dropped = 0;
  const flood = createFlood({
    clock,
    events: {
      listChanged: (method) => told.push(method),
      updated: (uri) => told.push(uri),
      dropped: () => {
        dropped += 1;
      },
    },
  });
  return { clock, told, flood, dropped: () => dropped };
}

describe("what is over the limit", () => {
  test("is dropped and counted, by its first bytes; of a change is told once within a second", async () => {
    const { clock, told, flood, dropped } = start();
    for (let no = 0; no < limits.notesPerSecond; no += 1) {
      expect(flood.drops(bytes(changed))).toBe(false);
      expect(flood.takes(changed.method, {})).toBe(true);
    }
    for (let no = 0; no < 1_000; no += 1) expect(flood.drops(bytes(changed))).toBe(true);
    expect(flood.drops(bytes(updated("a:b")))).toBe(true);
    expect(flood.drops(bytes(updated("a:b")))).toBe(true);
    expect(dropped()).toBe(1_002);
    expect(told).toEqual([]);
    await clock.advance(1_000);
    expect(told).toEqual(["tools/list", "a:b"]);
    await clock.advance(5_000);
    expect(told).toHaveLength(2);
    expect(flood.drops(bytes(changed))).toBe(false);
  });

  test("is never an answer, and a request only by what it is", () => {
    const { flood } = start();
    for (let no = 0; no <= limits.notesPerSecond; no += 1) flood.takes("notifications/x", {});
    expect(flood.drops(bytes({ jsonrpc: "2.0", id: 1, result: changed }))).toBe(false);
    expect(flood.drops(bytes({ result: changed, id: 1 }))).toBe(false);
    expect(flood.drops(bytes({ method: "ping", id: 1 }))).toBe(false);
    expect(flood.drops(bytes(changed))).toBe(true);
  });

  test("after it was read counts as well; resources are no more than a session's", async () => {
    const { clock, told, flood, dropped } = start();
    for (let no = 0; no < 1_000; no += 1) {
      flood.takes("notifications/resources/updated", { uri: `a:${no}` });
    }
    expect(dropped()).toBe(1_000 - limits.notesPerSecond);
    await clock.advance(1_000);
    expect(told).toHaveLength(limits.watchedPerSession);
  });

  test("of requests is more, and after the end nothing is told", async () => {
    const { clock, told, flood, dropped } = start();
    let answered = 0;
    for (let no = 0; no < 2_000; no += 1) if (flood.asks()) answered += 1;
    expect(answered).toBe(limits.requestsPerSecond);
    expect(dropped()).toBe(2_000 - answered);
    for (let no = 0; no < 200; no += 1) flood.takes(changed.method, {});
    flood.close();
    await clock.advance(2_000);
    expect(told).toEqual([]);
  });
});

const script = fileURLToPath(new URL("../kit/servers/torrent.ts", import.meta.url));
const mostCpu = 0.5;

/** Over this long. */
const floodMs = 3_000;

for (const over of ["http", "stdio"] as const) {
  for (const kind of ["list", "updated", "ping", "odd", "comments"] as const) {
    if (over === "stdio" && kind === "comments") continue;
    test(`U18 R12 a server that tells ${kind} over ${over} without end costs little`, async () => {
      const child =
        over === "http" ? startChild([process.execPath, script, over, kind]) : undefined;
      const [url = ""] = (await child?.says(/http:\S+/)) ?? [];
      const command = [process.execPath, script, over, kind];
      const upstream = await testUpstream(
        over === "http"
          ? httpUpstream(url, { protocol: "legacy" })
          : stdioUpstream(command, { protocol: "legacy" }),
      );
      const changes: UpstreamChange[] = [];
      upstream.onChange((change) => changes.push(change));
      try {
        upstream.start();
        await untilState(upstream, "ready");
        const before = process.cpuUsage();
        const began = performance.now();
        let answered = 0;
        while (performance.now() - began < floodMs) {
          if ((await callTool(upstream, "echo")).kind === "response") answered += 1;
          await Bun.sleep(100);
        }
        const took = performance.now() - began;
        const { user, system } = process.cpuUsage(before);
        const share = (user + system) / 1000 / took;
        expect(answered).toBeGreaterThan(5);
        expect(share).toBeLessThan(mostCpu);
        if (kind !== "comments") expect(upstream.status().dropped?.count).toBeGreaterThan(100);
        const most = limits.notesPerSecond * (2 + Math.ceil(took / 1000));
        expect(changes.length).toBeLessThan(most * 2);
        if (kind === "list" || kind === "updated") expect(changes.length).toBeGreaterThan(10);
        expect(upstream.status().state).toBe("ready");
      } finally {
        await upstream.stop();
        await child?.stop();
      }
    }, 30_000);
  }
}
