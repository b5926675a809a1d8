/** Servers, Tools and Health where the demo has nothing to show; and the demo as a source. */

import { describe, expect, test } from "bun:test";
import { type LiveBatch, type LiveSnapshot, paths } from "../../src/admin/contract.ts";
import { demoSource } from "../../tui/demo.ts";
import { createScript, demoZero, scriptLength } from "../../tui/demo-script.ts";
import { demoTools } from "../../tui/demo-tools.ts";
import type { Answers } from "../../tui/live.ts";
import { plainText } from "../../tui/paint.ts";
import { frame } from "../../tui/view/frame.ts";
import { envOf, press, storeOf } from "../kit/tui-demo.ts";

const size = { columns: 100, rows: 30 };
const demo = createScript().snapshot();

function shown(
  keys: readonly string[],
  change: Partial<LiveSnapshot> = {},
  answers: Partial<Answers> = {},
): string {
  const store = storeOf({ ...demo, ...change });
  store.answer(answers);
  const env = envOf(store);
  return frame(press(size, keys, env), env)
    .map(plainText)
    .join("\n");
}

const { store, spool } = demo.gauges;
const [first, ...others] = demo.servers;
const tools = { tools: { state: "here", value: demoTools("ci-bot") }, toolsFor: "ci-bot" } as const;
const full = { ...first!, busy: 4, maxInFlight: 4, queued: 2, maxQueued: 2 };
const disabled = { code: "GW_UPSTREAM_DOWN", cause: "by ops", fix: "enable it", effect: "gone" };

const cases: readonly (readonly [name: string, text: string, says: readonly string[]])[] = [
  ["no servers", shown(["2"], { servers: [] }), ["Servers 0", "no servers: add some under"]],
  ["no server passes the filter", shown(["2", "/", "type:zzz", "return"]), ["Servers 0 of 8"]],
  [
    "a server that is full",
    shown(["2", "/", "type:browser", "return"], { servers: [full, ...others] }),
    ["! browser", "full: refuses", "max_in_flight: more get GW_UPSTREAM_BUSY"],
  ],
  [
    "a server that is full, where calls wait",
    shown(["2", "/", "type:browser", "return", "return"], {
      servers: [{ ...full, maxQueued: 8 }, ...others],
    }),
    ["4 of 4, servers.browser.max_in_flight; 2 of 8 wait, servers.browser.max_queued"],
  ],
  [
    "a server that an operator disabled counts as trouble, after the sick ones",
    shown(["2"], { servers: [...others, { ...full, state: "disabled", trouble: disabled }] }),
    ["2 Servers!2", "○ browser"],
  ],
  [
    "a server with prompts and resources, beside its tools",
    shown(["2", "/", "type:browser", "return", "return"], {
      servers: [
        { ...first!, items: { prompts: 1200, resources: 3, templates: 2, heldBack: 4 } },
        ...others,
      ],
    }),
    ["1,200 prompts, 3 resources, 2 templates", "4 held back", "tools list --kind all"],
  ],
  [
    "a server that left the config while its page was open",
    shown(["2", "return"], { servers: others }).replace(/jira/g, ""),
    ["Servers > "],
  ],
  ["servers by name", shown(["2", "o"]), ["sort name", "> ● browser"]],
  ["servers by name, reversed", shown(["2", "o", "O"]), ["sort name reversed", "> ! slack"]],
  ["servers by state", shown(["2", "/", "type:state:backoff", "return"]), ["Servers 1 of 8"]],
  ["tools were not asked for", shown(["3"]), ["asking the gateway"]],
  [
    "the gateway does not say its tools",
    shown(["3"], {}, { tools: { state: "failed", why: "GW_ROLE no" }, toolsFor: "ops" }),
    ["the gateway did not say: GW_ROLE no", "as ops"],
  ],
  ["no tools and no servers", shown(["3"], { servers: [] }, none()), ["no server offers a tool"]],
  ["hidden tools left out", shown(["3", "i"], {}, tools), ["i shows all", "of 48"]],
  [
    "tools of one rule",
    shown(["3", "/", "type:rule:no-delete", "return"], {}, tools),
    ["Tools 6 of"],
  ],
  ["tools, worst first", shown(["3", "o"], {}, tools), ["sort state", "> slack/pin message"]],
  ["tools that a key may not use", shown(["3"], {}, tools), ["browser/click", "no rule allows it"]],
  [
    "the embedded store has no pool",
    shown(["6"], { gauges: { ...demo.gauges, store: { ...store, kind: "sqlite", pool: null } } }),
    ["Database sqlite", "embedded, one writer: there is no pool"],
  ],
  [
    "a spool that takes nothing",
    shown(["6"], {
      gauges: {
        ...demo.gauges,
        spool: { ...spool, behaviour: "refusing calls: it is broken", broken: "ENOSPC: disk full" },
      },
    }),
    ["refusing calls: it is broken", "ENOSPC: disk full", "6 Health!1"],
  ],
  [
    "a gauge over its limit is first, and counted",
    shown(["6"], {
      gauges: {
        ...demo.gauges,
        gauges: demo.gauges.gauges.map((one) =>
          one.name === "disk" ? { ...one, ok: false } : one,
        ),
      },
    }),
    ["> disk", "6 Health!1"],
  ],
  ["gauges by share", shown(["6", "o"]), ["sort share", "> children"]],
  ["gauges by name", shown(["6", "/", "type:handles", "return"]), ["What can run out 1 of 10"]],
];

function none(): Partial<Answers> {
  return { tools: { state: "here", value: [] }, toolsFor: "" };
}

describe("screens without the demo's data", () => {
  for (const [name, text, says] of cases) {
    test(name, () => {
      for (const one of says) expect(text).toContain(one);
    });
  }
});

test("2,000 tools are drawn in time for the next key", () => {
  const value = Array.from({ length: 2_000 }, (_, at) => ({
    ...demoTools("ci-bot")[at % 40]!,
    tool: `server-${at % 20}/tool_${at}`,
  }));
  const large = storeOf(demo);
  large.answer({ tools: { state: "here", value }, toolsFor: "ci-bot" });
  const env = envOf(large);
  const began = performance.now();
  for (let round = 0; round < 10; round++) {
    const ui = press({ columns: 160, rows: 48 }, ["3", "G", "/", "type:tool_1", "return"], env);
    frame(ui, env);
  }
  // About 12 ms each on a machine that does nothing else; 10 keys a round.
  expect((performance.now() - began) / 10).toBeLessThan(400);
});

describe("the demo as a source", () => {
  test("the same moment is the same picture, however it was reached", () => {
    const [steps, leap] = [createScript(), createScript()];
    for (let at = 100; at <= 60_000; at += 100) steps.advance(at);
    leap.advance(60_000);
    const { seq: _, ...one } = steps.snapshot();
    const { seq: __, ...other } = leap.snapshot();
    expect(one).toEqual(other);
  });

  test("another seed has other calls", () => {
    expect(createScript(2).snapshot().calls).not.toEqual(demo.calls);
  });

  test("it plays batches, and begins anew after half an hour", async () => {
    let now = 0;
    const source = demoSource(() => now);
    const heard: string[] = [];
    const batches: LiveBatch[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = source.watch({
      snapshot({ now: at }) {
        heard.push(`snapshot ${at - demoZero}`);
        if (heard.length > 1) resolve();
        else now = 5_000;
      },
      batch(batch) {
        batches.push(batch);
        now = scriptLength;
      },
      lost: (why) => heard.push(why),
    });
    await promise;
    stop();
    expect(heard).toEqual(["snapshot 0", "snapshot 0"]);
    expect(batches[0]?.now).toBe(demoZero + 5_000);
    expect(batches[0]?.calls?.length).toBeGreaterThan(5);
    expect(source.now?.()).toBe(demoZero);
  });

  test("it answers what the screens ask, and changes nothing", async () => {
    const source = demoSource();
    const [tool] = await source.get<ReturnType<typeof demoTools>>(paths.tools, { key: "ci-bot" });
    expect(tool?.by).toEqual([]);
    expect(
      await source.get<object>(paths.why, { tool: "github/get_issue", key: "ci-bot" }),
    ).toMatchObject({ visible: true, why: expect.stringContaining("read-ok") });
    expect(await source.get<object>(paths.receipt, { id: "r-5c09d1e7a24b-7" })).toMatchObject({
      records: [{ seq: 7 }, { seq: 8 }],
    });
    expect(source.post(paths.serverRetry, { server: "jira" })).rejects.toThrow("demo");
  });
});
