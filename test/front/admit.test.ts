/** Keys that end while a request waits: for its body, or for what it asked after it (F11). */

import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { settle } from "../kit/scripted.ts";
import { codeOf, envelope, hello, modern, open, post, rpc, type World, world } from "./kit.ts";

/** A request whose body is there but for its last byte, until finish(). */
function parked(full: Request, length: "length" | "chunks") {
  let finish = () => {};
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const bytes = await full.bytes();
      controller.enqueue(bytes.subarray(0, -1));
      finish = () => {
        controller.enqueue(bytes.subarray(-1));
        controller.close();
      };
    },
  });
  const headers = new Headers(full.headers);
  if (length === "length") headers.set("content-length", "100");
  const request = new Request(full.url, { method: "POST", headers, body });
  return { request, finish: () => finish() };
}

const listen = () => modern("subscriptions/listen", { notifications: { toolsListChanged: true } });
const requests: [string, (made: World) => Promise<Request>][] = [
  ["a modern call", async () => modern("tools/call", { name: "a__b", arguments: {} })],
  ["a modern tools/list", async () => modern("tools/list")],
  ["a subscriptions/listen", async () => listen()],
  ["a server/discover", async () => modern("server/discover")],
  ["an initialize", async () => post(hello)],
  ["a legacy call", async (made) => post(rpc("tools/call", { name: "a__b" }), await open(made))],
  ["a legacy tools/list", async (made) => post(rpc("tools/list"), await open(made))],
];

describe("F11 a key that ends while the body comes", () => {
  for (const length of ["length", "chunks"] as const) {
    test.each(requests)(`${length}: %s is refused`, async (_, make) => {
      const made = world();
      const { request, finish } = parked(await make(made), length);
      const answer = made.ask(request);
      await settle();
      made.revoke("alice");
      finish();
      expect([(await answer).status, await codeOf(await answer)]).toEqual([401, "GW_KEY_UNKNOWN"]);
      expect(made.got).toHaveLength(0);
      expect(made.front.status()).toMatchObject({ sessions: 0, streams: 0, inFlight: 0 });
    });
    test.each(requests)(`${length}: %s passes with a key that lives`, async (_, make) => {
      const made = world();
      const { request, finish } = parked(await make(made), length);
      const answer = made.ask(request);
      await settle();
      finish();
      expect((await answer).status).toBe(200);
    });
  }
});

describe("F11 a key that ends after the body, while something is waited for", () => {
  const waits: typeof requests = requests.filter(([name]) => !name.endsWith(" call"));
  test.each(waits.filter(([name]) => name !== "a modern tools/list"))("%s", async (_, make) => {
    let go = (_: unknown) => {};
    let held = false;
    const hold = new Promise((resolve) => {
      go = resolve;
    });
    const made: World = world(undefined, {
      hello: async () => {
        if (held) await hold;
        return {
          serverInfo: { name: "x", version: "1" },
          capabilities: {},
          instructions: undefined,
        };
      },
      visibleHash: async () => {
        if (held) await hold;
        return "first";
      },
    });
    const request = await make(made);
    held = true;
    const answer = made.ask(request);
    await settle();
    made.revoke("alice");
    go(undefined);
    expect([(await answer).status, await codeOf(await answer)]).toEqual([401, "GW_KEY_UNKNOWN"]);
    expect(made.got).toHaveLength(0);
    expect(made.front.status()).toMatchObject({ sessions: 0, streams: 0, inFlight: 0 });
  });
});

describe("R5 a body has a time for all of it", () => {
  for (const length of ["length", "chunks"] as const) {
    test(`${length}: it is given up after limits.bodyMs, with its connection`, async () => {
      const made = world();
      const { request } = parked(modern("tools/list"), length);
      const answer = made.ask(request);
      let early = false;
      void answer.then(() => {
        early = true;
      });
      await made.clock.advance(limits.bodyMs - limits.frontTickMs);
      expect(early).toBe(false);
      await made.clock.advance(2 * limits.frontTickMs);
      const { status, headers } = await answer;
      expect([status, headers.get("connection")]).toEqual([408, "close"]);
      expect(await codeOf(await answer)).toBe("GW_BODY_SLOW");
      expect(made.got).toHaveLength(0);
    });
  }
  test("those that came in time are not touched", async () => {
    const made = world();
    const slow = parked(modern("tools/list"), "length");
    const first = made.ask(slow.request);
    await made.clock.advance(limits.bodyMs / 2);
    const later = parked(post(rpc("tools/list", { _meta: envelope })), "length");
    void made.ask(later.request);
    slow.finish();
    expect((await first).status).toBe(200);
    await made.clock.advance(limits.bodyMs / 2 + limits.frontTickMs);
    expect(made.got).toHaveLength(1);
  });
});
