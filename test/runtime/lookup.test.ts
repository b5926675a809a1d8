/** L10: names that nobody resolves hold up nothing but the connections that need them. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { createSocket, type Socket } from "node:dgram";
import { join } from "node:path";
import { limits } from "../../src/base/limits.ts";
import type { Lookup } from "../../src/base/ports.ts";
import { createLookup } from "../../src/runtime/lookup.ts";

const codeOf = (looked: Promise<unknown>) =>
  looked.then(
    () => "found",
    (thrown) => thrown.code,
  );
const fails = (code: string) => Object.assign(new Error(code), { code });
const never: Lookup = () => new Promise(() => undefined);

interface World {
  ask?: Lookup;
  system?: Lookup;
  /** How long each ask seems to take. */
  askMs?: number;
}

function world({ ask, system, askMs = 0 }: World) {
  const asked = { servers: [] as string[], system: [] as string[] };
  let now = 0;
  const lookup = createLookup({
    mono: () => now,
    ask(host) {
      asked.servers.push(host);
      now += askMs;
      return (ask ?? (async () => []))(host);
    },
    system(host) {
      asked.system.push(host);
      return (system ?? (async () => ["10.0.0.9"]))(host);
    },
  });
  return { lookup, asked };
}

test("what the name servers know needs no thread", async () => {
  const { lookup, asked } = world({ ask: async () => ["10.0.0.1", "::1"] });
  expect(await lookup("a.test")).toEqual(["10.0.0.1", "::1"]);
  expect(asked).toEqual({ servers: ["a.test"], system: [] });
});

test.each([
  ["no such name", async () => Promise.reject(fails("DNS_ENOTFOUND"))],
  ["no address", async () => []],
  ["no name servers at all", async () => Promise.reject(fails("DNS_ECONNREFUSED"))],
] as [string, Lookup][])("%s, told at once: the C library may know it", async (_, ask) => {
  const { lookup } = world({ ask });
  expect(await lookup("a.test")).toEqual(["10.0.0.9"]);
});

test("the C library's failure is the one that is told", async () => {
  const { lookup } = world({ system: async () => Promise.reject(fails("ENOTFOUND")) });
  expect(await codeOf(lookup("a.test"))).toBe("ENOTFOUND");
});

test("L10 of silent name servers the C library is not asked: it would wait for them", async () => {
  const askMs = limits.lookupSoonMs + 1;
  const ask = async () => Promise.reject(fails("DNS_ETIMEOUT"));
  const { lookup, asked } = world({ ask, askMs });
  await expect(lookup("a.test")).rejects.toThrow("getaddrinfo ETIMEOUT a.test");
  expect(asked.system).toEqual([]);
});

test("L10 the C library is asked for one name at a time, whatever became of the last", async () => {
  const open: ((thrown?: Error) => void)[] = [];
  const system: Lookup = (host) =>
    new Promise((resolve, reject) => {
      open.push((thrown) => (thrown === undefined ? resolve([host]) : reject(thrown)));
    });
  const { lookup, asked } = world({ system });
  const looked = ["a", "b", "c"].map((host) => codeOf(lookup(host)));
  for (let count = 1; count <= 3; count += 1) {
    await Bun.sleep(5);
    expect(asked.system.length).toBe(count);
    open[count - 1]?.(count === 1 ? fails("EAI_AGAIN") : undefined);
  }
  expect(await Promise.all(looked)).toEqual(["EAI_AGAIN", "found", "found"]);
});

test("who asks for the same name meanwhile shares the answer; later it is asked anew", async () => {
  const { lookup, asked } = world({ ask: async (host) => [host] });
  await Promise.all([lookup("a"), lookup("a"), lookup("b")]);
  expect(asked.servers).toEqual(["a", "b"]);
  await lookup("a");
  expect(asked.servers).toEqual(["a", "b", "a"]);
});

test("L10 no answer at all fails within limits.lookupMs, and is asked anew then", async () => {
  const { lookup, asked } = world({ ask: never });
  const began = performance.now();
  expect(await codeOf(lookup("a"))).toBe("ETIMEOUT");
  expect(performance.now() - began).toBeWithin(limits.lookupMs - 50, limits.lookupMs + 2_000);
  void codeOf(lookup("a"));
  expect(asked.servers).toEqual(["a", "a"]);
}, 20_000);

let silent: Socket;
beforeAll(async () => {
  silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
});
afterAll(() => {
  silent.close();
});

test("L10 writes go on while name servers are silent, on Bun itself", async () => {
  const script = join(import.meta.dirname, "../kit/silent-names.ts");
  const { port } = silent.address();
  const child = Bun.spawn([process.execPath, script, String(port)], { stdout: "pipe" });
  const told = await new Response(child.stdout).json();
  expect(told.codes).toEqual(new Array(8).fill("ETIMEOUT"));
  // One blocked thread is 5 s.
  expect(told.worstWriteMs).toBeLessThan(1_000);
  expect(told.localhost).toContain("127.0.0.1");
}, 30_000);
