/** server-everything over its three transports: what it asks and tells reaches the right call. */

import { afterEach, describe, expect, test } from "bun:test";
import type { ServerRequest, Upstream } from "../../src/upstream/upstream.ts";
import { startChild, type TestChild } from "../kit/child.ts";
import { freePort } from "../kit/free-port.ts";
import { everything } from "../kit/servers.ts";
import {
  callTool,
  httpUpstream,
  originOf,
  stdioUpstream,
  testUpstream,
  until,
  untilState,
} from "../kit/upstream.ts";

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

const { command, args } = everything();

async function served(transport: "streamableHttp" | "sse", path: string) {
  const port = await freePort();
  const env = { PATH: process.env["PATH"] ?? "", PORT: String(port) };
  const child: TestChild = startChild([command, args[0] as string, transport], { env });
  open.push({ stop: () => child.stop(2_000) });
  await child.says(/(listening|running) on port \d+/);
  return httpUpstream(`http://127.0.0.1:${port}${path}`);
}

const transports = [
  ["stdio", async () => stdioUpstream([command, ...args])],
  ["streamableHttp", () => served("streamableHttp", "/mcp")],
  ["sse", () => served("sse", "/sse")],
] as const;

const all = { sampling: {}, elicitation: {}, roots: {} };

describe.each(transports)("server-everything over %s", (_name, config) => {
  async function start(): Promise<Upstream> {
    const upstream = await testUpstream(await config());
    open.push(upstream);
    upstream.start();
    await untilState(upstream, "ready");
    return upstream;
  }

  test("sampling and elicitation of two keys, 20 calls at once", async () => {
    const upstream = await start();
    const ends = Array.from({ length: 20 }, async (_, at) => {
      const origin = originOf(`k${at % 2}`, all);
      const methods: string[] = [];
      const asked = (question: ServerRequest) => {
        // On a busy machine it asks this of its own later than the gateway waits for it.
        if (question.method === "roots/list") {
          question.result(['{"roots":[]}']);
          return;
        }
        methods.push(question.method);
        if (question.method === "elicitation/create") {
          question.result([`{"action":"accept","content":{"name":"call ${at}"}}`]);
          return;
        }
        expect(JSON.stringify(question.params)).toContain(`prompt ${at}.`);
        const content = `{"type":"text","text":"answer ${at}."}`;
        question.result([`{"role":"assistant","model":"m","content":${content}}`]);
      };
      const tool = at % 4 < 2 ? "trigger-sampling-request" : "trigger-elicitation-request";
      const given = at % 4 < 2 ? { prompt: `prompt ${at}.`, maxTokens: 9 } : {};
      const outcome = await callTool(upstream, tool, given, { origin, asked });
      expect(methods.length).toBe(1);
      expect(outcome.text).toContain(at % 4 < 2 ? `answer ${at}.` : `call ${at}`);
    });
    await Promise.all(ends);
    expect(upstream.status().inFlight).toBe(0);
  }, 20_000);

  test("roots that are asked outside a call are none; a plain client is not asked", async () => {
    const upstream = await start();
    const origin = originOf("k", all);
    const questions: string[] = [];
    const asked = (question: ServerRequest) => {
      questions.push(question.method);
      question.result(['{"roots":[{"uri":"file:///mine","name":"Mine"}]}']);
    };
    await callTool(upstream, "echo", { message: "x" }, { origin, asked });
    // It asks a moment after it was initialized: nobody's call.
    await Bun.sleep(600);
    const outcome = await callTool(upstream, "get-roots-list", {}, { origin, asked });
    expect([questions, outcome.kind]).toEqual([[], "response"]);
    const plain = await callTool(upstream, "get-roots-list", {}, { origin: originOf("k", {}) });
    expect(plain.text).toContain("not found");
  }, 20_000);

  test("a log line reaches the call that it was told in, by the level that was wanted", async () => {
    const upstream = await start();
    const origin = originOf("k", all, { logLevel: "debug" });
    const outcome = await callTool(upstream, "toggle-simulated-logging", {}, { origin });
    expect(outcome.notifications.join()).toContain("notifications/message");
  }, 20_000);

  test("a resource that is watched is told as changed", async () => {
    const upstream = await start();
    const updated: string[] = [];
    upstream.onChange((change) => {
      if (change.kind === "updated") updated.push(change.uri);
    });
    const uri = "demo://resource/dynamic/text/1";
    await upstream.subscribe(uri);
    await callTool(upstream, "toggle-subscriber-updates");
    await until(() => updated.length > 0, 8_000);
    expect(updated).toEqual([uri]);
  }, 20_000);
});
