/** What the log says of states: an orderly stop is one, what was never started is not there. */

import { expect, test } from "bun:test";
import { createLog } from "../../src/base/log.ts";
import type { UpstreamControl } from "../../src/upstream/upstream.ts";
import { askingChild, callTool, originOf, testUpstream, untilState } from "../kit/upstream.ts";

async function logged(more: Parameters<typeof askingChild>[0] = {}) {
  const lines: string[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const config = askingChild({ instance: "per-key", ...more });
  const upstream = (await testUpstream(config, { log })) as Awaited<
    ReturnType<typeof testUpstream>
  > &
    UpstreamControl;
  const states = () =>
    lines.map((line) => {
      const { instance, state, cause } = JSON.parse(line);
      return [instance === undefined ? "first" : "instance", state, cause]
        .filter(Boolean)
        .join(" ");
    });
  return { upstream, states };
}

test("servers that a dry run of a reload opens and closes unused say nothing", async () => {
  for (const more of [{}, { enabled: false }]) {
    const { upstream, states } = await logged(more);
    await upstream.stop("it was not needed");
    expect(states()).toEqual([]);
  }
});

test("one that the config disables says so when the gateway starts, and once", async () => {
  const { upstream, states } = await logged({ enabled: false });
  upstream.start();
  await upstream.stop();
  expect(states()).toEqual(["first disabled `disabled: true` in the config"]);
});

test("a stop is a stop of its instances too, a disable is not", async () => {
  for (const end of ["stop", "disable"] as const) {
    const { upstream, states } = await logged();
    upstream.start();
    await untilState(upstream, "ready");
    await callTool(upstream, "t", {}, { origin: originOf("k", {}) });
    await upstream[end]("by a test");
    await upstream.stop();
    const ended = states().filter((state) => /stopped|disabled/.test(state));
    const first = end === "stop" ? "stopped" : "disabled";
    expect(ended.toSorted()).toEqual([`first ${first} by a test`, "instance stopped by a test"]);
  }
});
