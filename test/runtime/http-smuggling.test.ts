/** F21: what is accepted here, another strict parser takes for the same requests. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Head } from "../../src/runtime/http/head.ts";
import { HeadReader } from "../../src/runtime/http/head-reader.ts";
import { llhttpMethods, seenByLlhttp } from "../kit/llhttp.ts";
import { anyHead } from "./any-head.ts";
import { oddHeads } from "./odd-heads.ts";

test.each([...oddHeads])("F21 %s", (_, text, verdict) => {
  const heads = new HeadReader();
  const read = heads.read(Buffer.from(text, "latin1"), 0);
  if (typeof read === "string") {
    const framing = heads.head.chunked ? "chunked" : `${heads.length} bytes`;
    expect([read, framing]).toEqual(["head", verdict as string]);
  } else expect<unknown>(read.status).toBe(verdict);
  expect(unexplained(text)).toBeUndefined();
});

test("F21 whatever is accepted, llhttp takes for the same requests", () => {
  const runs = 5_000;
  let accepted = 0;
  fc.assert(
    fc.property(anyHead(), (text) => {
      if (new HeadReader().read(Buffer.from(text, "latin1"), 0) === "head") accepted += 1;
      expect(unexplained(text)).toBeUndefined();
    }),
    { numRuns: runs },
  );
  expect(accepted).toBeGreaterThan(runs / 10);
});

interface Exception {
  readonly why: string;
  readonly difference: Difference;
  readonly example: string;
  applies(head: Head): boolean;
}

/** Where llhttp may see something else. */
const exceptions: readonly Exception[] = [
  {
    why: "any token is a method (RFC 9110, 9.1): the door answers 405",
    difference: "refused",
    example: "FOO / HTTP/1.1\r\nHost: h\r\n\r\n",
    applies: ({ method }) => !llhttpMethods.includes(method),
  },
  {
    why: "PRI is not HTTP/1.1 to it, and a method like any other here",
    difference: "refused",
    example: "PRI / HTTP/1.1\r\nHost: h\r\n\r\n",
    applies: ({ method }) => method === "PRI",
  },
  {
    why: "a connection ends with each request of HTTP/1.0",
    difference: "keep-alive",
    example: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    applies: ({ modern, keepAlive }) => !modern && !keepAlive,
  },
  {
    why: "Proxy-Connection says nothing to a server (RFC 9112, C.2.2)",
    difference: "keep-alive",
    example: "GET / HTTP/1.1\r\nHost: h\r\nProxy-Connection: close\r\n\r\n",
    applies: ({ fields }) => fields.get("proxy-connection") !== null,
  },
  {
    why: "Upgrade is passed over (RFC 9110, 7.8); it leaves what follows to its caller",
    difference: "next request",
    example: "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    applies: ({ fields }) => fields.get("upgrade") !== null,
  },
];

test.each([...exceptions])("F21 llhttp differs: $why", ({ difference, example, applies }) => {
  const { head, seen } = compared(example)!;
  expect([seen, applies(head)]).toEqual([difference, true]);
});

type Difference = "refused" | "method" | "target" | "body" | "keep-alive" | "next request";

function unexplained(text: string): Difference | undefined {
  const { head, seen } = compared(text) ?? {};
  if (head === undefined || seen === undefined) return undefined;
  const known = exceptions.some(({ difference, applies }) => difference === seen && applies(head));
  return known ? undefined : seen;
}

/** Of a head that is accepted here: how llhttp sees it with a body of its framing, and a probe. */
function compared(text: string): { head: Head; seen: Difference | undefined } | undefined {
  const heads = new HeadReader();
  if (heads.read(Buffer.from(text, "latin1"), 0) !== "head") return undefined;
  const { head, length, end } = heads;
  const whole = length < 1_000;
  const content = head.chunked ? "abc" : "x".repeat(whole ? length : 0);
  const body = head.chunked ? `3\r\n${content}\r\n0\r\n\r\n` : content;
  const sent = `${text.slice(0, end)}${body}${whole ? probe : ""}`;
  const [first, second] = seenByLlhttp(Buffer.from(sent, "latin1"));
  const seen = (): Difference | undefined => {
    if (first === undefined) return "refused";
    if (first.method !== head.method) return "method";
    if (pathOf(first.target) !== pathOf(head.url)) return "target";
    if (first.body !== content || first.whole !== whole) return "body";
    if (first.keepAlive !== head.keepAlive) return "keep-alive";
    if (head.keepAlive && whole && second?.target !== "/probe") return "next request";
    return undefined;
  };
  return { head, seen: seen() };
}

const probe = "GET /probe HTTP/1.1\r\nHost: p\r\n\r\n";

function pathOf(target: string): string {
  const { pathname, search } = new URL(target.startsWith("/") ? `http://h${target}` : target);
  return pathname + search;
}
