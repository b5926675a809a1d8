/** R5: connections of a door that never get to a request, on real sockets. */

import { afterAll, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { currentRuntime } from "../../src/runtime/current.ts";
import { testCertificate } from "../kit/certificate.ts";

const sockets: Socket[] = [];
afterAll(() => {
  for (const socket of sockets) socket.destroy();
});

/** Ms until the other side ends it; 10 s: it never did. */
function ended(port: number, first: Uint8Array | string | undefined): Promise<number> {
  return new Promise((resolve) => {
    const began = performance.now();
    const tell = () => resolve(performance.now() - began);
    const socket = connect(port, "127.0.0.1", () => {
      if (first !== undefined) socket.write(first);
    });
    sockets.push(socket);
    socket
      .on("close", tell)
      .on("error", () => undefined)
      .resume();
    setTimeout(tell, 10_000).unref();
  });
}

const { cert, key } = testCertificate;
/** The first bytes of a TLS record that says it is longer. */
const hello = Buffer.from("1603010200010001fc0303", "hex");

test.each([
  ["plain, silent", undefined, undefined],
  ["plain, half a head", undefined, "GET / HTTP/1.1\r\nHo"],
  ["TLS, silent", { cert, key }, undefined],
  ["TLS, one byte of its handshake", { cert, key }, hello.subarray(0, 1)],
  ["TLS, half its first message", { cert, key }, hello],
] as const)(
  "R5 %s: it is cut",
  async (_, tls, first) => {
    const runtime = await currentRuntime();
    const listener = await runtime.listen({
      ...{ address: { host: "127.0.0.1", port: 0 }, bodyBytesMax: 1_000, idleSeconds: 2 },
      ...(tls === undefined ? {} : { tls }),
      handle: () => new Response("here"),
    });
    const ms = await ended(listener.port, first);
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(6_000);
    await listener.stop(true);
  },
  20_000,
);

test("a door that is shut waits for no handshake", async () => {
  const runtime = await currentRuntime();
  const listener = await runtime.listen({
    ...{ address: { host: "127.0.0.1", port: 0 }, bodyBytesMax: 1_000, idleSeconds: 30 },
    tls: { cert, key },
    handle: () => new Response("here"),
  });
  const ends = [ended(listener.port, undefined), ended(listener.port, hello)];
  await Bun.sleep(200);
  await listener.stop(false);
  for (const ms of await Promise.all(ends)) expect(ms).toBeLessThan(2_000);
}, 20_000);

test("R5 R7 an answer that the socket has taken arrives whole, whenever its client reads it", async () => {
  const runtime = await currentRuntime();
  const size = 1_000_000;
  const listener = await runtime.listen({
    ...{ address: { host: "127.0.0.1", port: 0 }, bodyBytesMax: 1_000, idleSeconds: 1 },
    handle: () => new Response("x".repeat(size)),
  });
  const socket = connect(listener.port, "127.0.0.1");
  sockets.push(socket);
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await Bun.sleep(4_000);
  let got = 0;
  const over = new Promise((resolve) => socket.on("close", resolve));
  socket
    .on("error", () => undefined)
    .on("data", (bytes) => {
      got += bytes.length;
    });
  socket.resume();
  await over;
  expect(got).toBeGreaterThan(size);
  await listener.stop(true);
}, 20_000);
