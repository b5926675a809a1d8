import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LiveCall } from "../../src/call/board.ts";
import { createCallMetrics } from "../../src/gateway/metrics.ts";
import { sampleText } from "../../src/gateway/metrics-text.ts";
import { root } from "../kit/binary.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { echo } from "../kit/servers.ts";

/** `name{labels}` to value. */
function values(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

describe("calls as they end", () => {
  function ended(...calls: Partial<LiveCall>[]): Map<string, number> {
    const metrics = createCallMetrics(["git"]);
    const usual = {
      server: "git",
      outcome: "ok",
      arrived: 0,
      sentAt: 0,
      answeredAt: 0,
      endedAt: 0,
    };
    for (const call of calls) metrics.ended({ ...usual, ...call } as LiveCall);
    return values(metrics.samples().map(sampleText).join(""));
  }

  test("are counted by server and outcome, and timed", () => {
    const found = ended(
      { sentAt: 1, answeredAt: 31, endedAt: 32 },
      { sentAt: 1, answeredAt: 1201, endedAt: 1202, outcome: "timeout" },
      { endedAt: 0.2, outcome: "denied" },
      { outcome: undefined },
    );
    const of = (name: string) => found.get(name);
    expect(of('authensor_gw_calls_total{server="git",outcome="ok"}')).toBe(1);
    expect(of('authensor_gw_calls_total{server="git",outcome="timeout"}')).toBe(1);
    expect(of('authensor_gw_calls_total{server="git",outcome="held"}')).toBe(0);
    expect(of("authensor_gw_calls_malformed_total")).toBe(1);
    const took = "authensor_gw_call_duration_seconds";
    expect(of(`${took}_bucket{server="git",le="0.025"}`)).toBe(1);
    expect(of(`${took}_bucket{server="git",le="0.05"}`)).toBe(2);
    expect(of(`${took}_bucket{server="git",le="1"}`)).toBe(2);
    expect(of(`${took}_bucket{server="git",le="+Inf"}`)).toBe(3);
    expect(of(`${took}_count{server="git"}`)).toBe(3);
    expect(of(`${took}_sum{server="git"}`)).toBeCloseTo(1.2342, 6);
    expect(of('authensor_gw_server_duration_seconds_count{server="git"}')).toBe(2);
    expect(of('authensor_gw_own_duration_seconds_bucket{le="0.00025"}')).toBe(1);
    expect(of('authensor_gw_own_duration_seconds_bucket{le="0.0025"}')).toBe(3);
  });

  test("a name that an agent made up is no label", () => {
    const found = ended({ server: 'x"} 1\n', outcome: "denied" });
    expect(found.get('authensor_gw_calls_total{server="",outcome="denied"}')).toBe(1);
  });

  test("labels and help cannot break a line", () => {
    const text = sampleText({
      ...{ name: "a", type: "gauge", help: "one\ntwo \\" },
      values: [[{ of: 'a"b\\c\nd' }, 1]],
    });
    expect(text).toBe('# HELP a one\\ntwo \\\\\n# TYPE a gauge\na{of="a\\"b\\\\c\\nd"} 1\n');
  });

  test("counting a call takes less than a µs", () => {
    const metrics = createCallMetrics(["git"]);
    const call = { server: "git", outcome: "ok", arrived: 0, sentAt: 1, answeredAt: 2, endedAt: 3 };
    const began = performance.now();
    for (let n = 0; n < 1_000_000; n++) metrics.ended(call as LiveCall);
    // A µs a call is far over what it takes, and far under what a call costs.
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe("of a running gateway", () => {
  let gateway: TestGateway;
  let viewer = "";
  let agent = "";
  beforeAll(async () => {
    gateway = await startGateway({
      program: "bun",
      config: { servers: { echo: echo(), away: { url: "http://127.0.0.1:9/mcp" } } },
      policy: "id: t\nallow: [echo/echo]\n",
    });
    viewer = await gateway.key("viewer");
    agent = await gateway.key("executor");
  }, 30_000);
  afterAll(async () => await gateway[Symbol.asyncDispose]());

  const metrics = (token?: string) =>
    fetch(`${gateway.url}/metrics`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });

  test("O10 a viewer's key reads them, an agent's and none do not", async () => {
    for (const [token, status] of [
      [undefined, 401],
      [agent, 403],
    ] as const) {
      const refused = await metrics(token);
      const { error } = await refused.json();
      expect([refused.status, error.fix]).toEqual([
        status,
        expect.stringContaining("keys create --role viewer"),
      ]);
    }
    const answer = await metrics(viewer);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
    await answer.text();
  });

  test("they tell what happened, and every line is of the format", async () => {
    const caller = await rawAgent(gateway.url, agent);
    for (let n = 0; n < 3; n++) await caller.call("echo__echo", { text: "x" });
    await expect(caller.call("echo__nothing", {})).rejects.toThrow();
    const text = await (await metrics(viewer)).text();
    const found = values(text);
    expect(found.get('authensor_gw_calls_total{server="echo",outcome="ok"}')).toBe(3);
    expect(found.get('authensor_gw_server_state{server="echo",state="ready"}')).toBe(1);
    expect(found.get('authensor_gw_server_state{server="away",state="ready"}')).toBe(0);
    expect(found.get('authensor_gw_server_tools{server="echo"}')).toBe(1);
    expect(found.get("authensor_gw_ready")).toBe(1);
    expect(found.get('authensor_gw_store_up{kind="sqlite"}')).toBe(1);
    expect(found.get("authensor_gw_memory_bytes")).toBeGreaterThan(1e6);
    const line =
      /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? \S+)$/;
    for (const one of text.trimEnd().split("\n")) expect(one).toMatch(line);
    for (const value of found.values()) expect(value).not.toBeNaN();
    const types = text.split("\n").filter((one) => one.startsWith("# TYPE"));
    expect(new Set(types).size).toBe(types.length);
  });

  test("every name in docs/metrics.md and docs/grafana.json is one of them, and the other way", async () => {
    const text = await (await metrics(viewer)).text();
    const names = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    // The pool is Postgres' only.
    for (const name of ["connections", "connections_limit", "waiting"]) {
      names.add(`authensor_gw_db_${name}`);
    }
    const page = readFileSync(join(root, "docs/metrics.md"), "utf8");
    const board = readFileSync(join(root, "docs/grafana.json"), "utf8");
    JSON.parse(board);
    const mentioned = (source: string) =>
      new Set(
        [...source.matchAll(/\b(authensor_gw_[a-z_]+|process_[a-z_]+_(total|seconds))\b/g)].map(
          ([, name = ""]) => name.replace(/_(bucket|sum|count)$/, ""),
        ),
      );
    expect([...mentioned(page)].filter((name) => !names.has(name))).toEqual([]);
    expect([...mentioned(board)].filter((name) => !names.has(name))).toEqual([]);
    expect([...names].filter((name) => !mentioned(page).has(name ?? ""))).toEqual([]);
  });
});
