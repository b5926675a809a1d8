/** The mode for screen readers: sentences that only come, words and numbers in place of keys. */

import { expect, test } from "bun:test";
import type { LiveBatch, LiveSnapshot } from "../../src/admin/contract.ts";
import { createScript } from "../../tui/demo-script.ts";
import { runLinear } from "../../tui/linear.ts";
import type { Watcher } from "../../tui/live.ts";

function opened(readOnly?: string) {
  const script = createScript();
  const snapshot: LiveSnapshot = script.snapshot();
  const said: string[] = [];
  const posted: unknown[] = [];
  const typed: string[] = [];
  let wake = () => {};
  let on: Watcher | undefined;
  async function* lines() {
    for (;;) {
      const next = typed.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  const ended = runLinear({
    source: {
      place: "demo",
      now: () => snapshot.now,
      watch(watcher) {
        on = watcher;
        watcher.snapshot(snapshot);
        return () => undefined;
      },
      get: () => Promise.reject(new Error("not asked here")),
      async post(path, body) {
        posted.push([path, body]);
        return undefined as never;
      },
    },
    ...{ readOnly, refreshMs: 5, own: undefined, lines },
    say: (text) => said.push(text),
  });
  const settle = () => Bun.sleep(30);
  return {
    ...{ said, posted, snapshot, ended },
    batch: (batch: Partial<LiveBatch>) => {
      on?.batch({ seq: 2, now: snapshot.now, ...batch });
      return settle();
    },
    lost: () => {
      on?.lost("connection refused", 1, 1_000);
      return settle();
    },
    async type(line: string) {
      const from = said.length;
      typed.push(line);
      wake();
      await settle();
      return said.slice(from);
    },
    settle,
  };
}

test("begins with what is wrong and one sentence on the gateway; no boxes, no codes", async () => {
  const { said, settle, type, ended } = opened();
  await settle();
  expect(said[0]).toBe("Connected to demo.");
  expect(said.find((text) => text.startsWith("Server jira: backoff."))).toContain("Do: correct");
  expect(said.at(-2)).toMatch(/^Gateway up 3d02h\. \d of 7 servers ready\. \d calls in flight/);
  for (const line of ["calls", "servers", "health", "help", "status"]) await type(line);
  expect(said.length).toBeGreaterThan(30);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must not come.
  for (const text of said) expect(text).not.toMatch(/[\u0000-\u001f\u2500-\u28ff]/);
  await type("q");
  expect(await ended).toBe(0);
});

test("a server's trouble is told once, retries are not, and that it is well again is", async () => {
  const { said, settle, snapshot, batch, type, ended } = opened();
  await settle();
  const jira = snapshot.servers.find(({ id }) => id === "jira");
  if (jira === undefined) throw new Error("the demo has no jira");
  const from = said.length;
  await batch({ servers: [{ ...jira, state: "starting" }] });
  await batch({ servers: [{ ...jira, attempts: 99 }] });
  expect(said.slice(from)).toEqual([]);
  await batch({ servers: [{ ...jira, state: "ready", trouble: null }] });
  expect(said.slice(from)).toEqual(["Server jira: well again."]);
  await type(":q");
  await ended;
});

test("a call that ends badly is told, one that is well is not; a lost gateway is", async () => {
  const { said, settle, snapshot, batch, lost, type, ended } = opened();
  await settle();
  const call = snapshot.calls.find(({ stage }) => stage === "over");
  if (call === undefined) throw new Error("the demo has no ended call");
  const from = said.length;
  const bad = { ...call, id: "c-900", outcome: "timeout", why: "it was silent", decision: null };
  await batch({ calls: [{ ...call, id: "c-899", outcome: "ok" }, bad] });
  await lost();
  const [timeout, gone, ...rest] = said.slice(from);
  expect(timeout).toMatch(/^Call c-900, .* by .*: timeout after .*\. it was silent\.$/);
  expect(gone).toBe("Lost the gateway: connection refused. It is tried again.");
  expect(rest).toEqual([]);
  await type("q");
  await ended;
});

test("numbers stand for rows; a question is answered by its letter, anything else does nothing", async () => {
  const { settle, type, posted, ended } = opened();
  await settle();
  const [first = ""] = await type("servers");
  expect(first).toMatch(/^1\. Server (\w+)/);
  const id = /Server (\w+)/.exec(first)?.[1];
  const [question = ""] = await type("server 1 restart");
  expect(question).toContain(`${id}`);
  expect(question).toMatch(/Type y for .*, n for /);
  expect(await type("restart")).toEqual(["Nothing was done."]);
  expect(posted).toEqual([]);
  await type("server 1 restart");
  await type("y");
  expect(posted).toEqual([["/v1/servers/restart", { server: id }]]);
  await type("calls");
  const [cancel = ""] = await type("cancel 1");
  expect(cancel).toMatch(/Type y for/);
  await type("n");
  expect((await type("nonsense"))[0]).toContain("Not done: there is no command");
  await type("q");
  await ended;
});

test("what is typed before the gateway has answered waits for it", async () => {
  const { said, type, ended } = opened();
  await type("status");
  await type("q");
  await ended;
  expect(said[0]).toBe("Connected to demo.");
  expect(said.at(-1)).toStartWith("Gateway up");
});

test("without a key the reason is said", async () => {
  const { settle, type, ended } = opened("needs a key");
  await settle();
  await type("servers");
  expect((await type("server 1 retry"))[0]).toContain("needs a key");
  await type("q");
  await ended;
});
