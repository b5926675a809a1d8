/** R10: requests that a client sends ahead of their answers. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/base/limits.ts";
import { echo, echoAtOnce, type Line, open, replies } from "./http-kit.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;

/** Bytes that came and were not read yet, at most, and how often the connection was paused. */
async function flood(line: Line, chunk: Buffer, times: number, served: () => number) {
  const one = get("/0").length;
  let [sent, most, pauses] = [0, 0, 0];
  for (let left = times; left > 0; ) {
    if (line.wire.paused) pauses += 1;
    else {
      line.send(chunk);
      sent += chunk.length;
      left -= 1;
    }
    most = Math.max(most, sent - served() * one);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let before = -1; before < served(); ) {
    before = served();
    await line.settle();
  }
  return { sent: sent / one, most, pauses };
}

test.each([
  ["in promises", echo],
  ["at once", echoAtOnce],
] as const)(
  "answered %s: no more is read than may wait",
  async (_, answer) => {
    let served = 0;
    const line = open((request) => {
      served += 1;
      return answer(request);
    });
    const chunk = Buffer.from(get("/0").repeat(2_000));
    const { sent, most, pauses } = await flood(line, chunk, 6, () => served);
    expect(served).toBe(sent);
    expect(pauses).toBeGreaterThan(1_000);
    expect(most).toBeLessThanOrEqual(limits.pipelinedBytes + chunk.length);
    expect(line.wire.paused).toBe(false);
  },
  60_000,
);

test("a client that reads no answer is not read either, and gets all of them later", async () => {
  let room = 3_000;
  let served = 0;
  const take = () => {
    const taken = room;
    room = 0;
    return taken;
  };
  const line = open(
    (request) => {
      served += 1;
      return echoAtOnce(request);
    },
    1_000,
    take,
  );
  const chunk = Buffer.from(get("/0").repeat(4_000));
  line.send(chunk);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([line.wire.paused, served < 100]).toEqual([true, true]);
  room = Number.POSITIVE_INFINITY;
  line.wire.take = () => Number.POSITIVE_INFINITY;
  while (served < 4_000) await line.settle();
  await line.settle();
  expect(replies(line.wire.out)).toHaveLength(4_000);
  expect(line.wire.paused).toBe(false);
}, 60_000);

test("any requests, bodies and cuts: each is answered once and in order", async () => {
  const body = fc.string({ unit: "grapheme-ascii", maxLength: 40 });
  const requests = fc.array(body, { minLength: 1, maxLength: 60, size: "max" });
  const cuts = fc.array(fc.nat(300), { maxLength: 20, size: "max" });
  await fc.assert(
    fc.asyncProperty(requests, cuts, async (bodies, sizes) => {
      const line = open(echo);
      const all = Buffer.from(
        bodies
          .map(
            (text, at) =>
              `POST /${at} HTTP/1.1\r\nHost: h\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
          )
          .join(""),
      );
      let at = 0;
      for (const size of [...sizes, all.length]) {
        line.send(all.subarray(at, at + size));
        at = Math.min(all.length, at + size);
        if (size % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (at === all.length) break;
      }
      for (let before = -1; before < line.wire.out.length; ) {
        before = line.wire.out.length;
        await line.settle();
      }
      const got = replies(line.wire.out).map((reply) => reply.body);
      expect(got).toEqual(bodies.map((text, index) => `POST /${index} ${text}`));
    }),
    { numRuns: 60 },
  );
}, 60_000);
