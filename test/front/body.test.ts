/** Bodies as the binary has them: here already, in parts, cut, or never (R1, R5). */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Body, readBody } from "../../src/front/body.ts";
import { bunRuntime } from "../../src/runtime/bun.ts";
import type { Listener } from "../../src/runtime/runtime.ts";

const most = 1000;
const read: { readonly kind: "here" | "later"; readonly body: Body | "rejected" }[] = [];
let listener: Listener;

beforeAll(async () => {
  listener = await bunRuntime.listen({
    address: { host: "127.0.0.1", port: 0 },
    bodyBytesMax: most + 1000,
    idleSeconds: 10,
    async handle(request, peer) {
      if (request.url.endsWith("/crowd")) await new Promise((resolve) => setImmediate(resolve));
      const body = readBody(request, peer, most);
      const kind = body instanceof Promise ? "later" : "here";
      const whole = await Promise.resolve(body).catch(() => "rejected" as const);
      read.push({ kind, body: whole });
      return new Response();
    },
  });
});
afterAll(() => listener.stop(true));

/** Sends these parts, one turn of the loop or more apart, and waits until the body is read. */
async function send(path: string, head: string, ...parts: readonly string[]): Promise<void> {
  read.length = 0;
  const socket = await Bun.connect({
    ...{ hostname: "127.0.0.1", port: listener.port },
    socket: { data() {} },
  });
  const [first = "", ...rest] = parts;
  socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n\r\n${first}`);
  for (const part of rest) {
    await Bun.sleep(20);
    if (part === "leave") socket.terminate();
    else socket.write(part);
  }
  for (let turn = 0; read.length === 0 && turn < 200; turn++) await Bun.sleep(10);
  socket.end();
}

const text = "x".repeat(most);
const chunk = (of: string) => `${of.length.toString(16)}\r\n${of}\r\n`;

type End = number | "large" | "rejected";
type Case = [string, string, string, readonly string[], "here" | "later", End];
const chunks = "Transfer-Encoding: chunked";
const split = [chunk("12"), chunk("345"), chunk("")];
const over = [chunk(text), chunk(text), chunk(text)];
const cases: Case[] = [
  ["whole, in the turn it came in", "/", "Content-Length: 5", ["12345"], "here", 5],
  ["whole, a turn later", "/crowd", "Content-Length: 5", ["12345"], "here", 5],
  ["empty, a turn later", "/crowd", "Content-Length: 0", [""], "here", 0],
  ["R1 as much as may be", "/crowd", `Content-Length: ${most}`, [text], "here", most],
  ["R1 one byte more", "/crowd", `Content-Length: ${most + 1}`, [`${text}!`], "here", "large"],
  ["R1 said to be too much", "/crowd", `Content-Length: ${most + 1}`, ["1"], "here", "large"],
  ["R1 said at once", "/", `Content-Length: ${most + 1}`, ["1"], "here", "large"],
  ["in parts", "/crowd", "Content-Length: 5", ["12", "345"], "later", 5],
  ["in chunks", "/crowd", chunks, [chunk("12") + chunk("")], "here", 2],
  ["chunks that come one by one", "/crowd", chunks, split, "later", 5],
  ["R1 cut by the runtime", "/crowd", chunks, over, "later", "rejected"],
  ["R5 who leaves", "/crowd", "Content-Length: 5", ["12", "leave"], "later", "rejected"],
];

test.each(cases)("%s", async (_, path, head, parts, kind, end) => {
  await send(path, head, ...parts);
  const [only] = read;
  expect(only?.kind).toBe(kind);
  expect<unknown>(only?.body instanceof Uint8Array ? only.body.length : only?.body).toBe(end);
});
