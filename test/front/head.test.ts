/** Requests that have the same head: it is read once, and what may have changed is asked anew. */

import { describe, expect, test } from "bun:test";
import type { HeaderFields, HttpRequest } from "../../src/base/http-request.ts";
import { headOf } from "../../src/front/head.ts";
import { createHostGuard } from "../../src/front/hosts.ts";
import { codeOf, modern, world } from "./kit.ts";

/** As our own server on Bun makes them: the fields are one object, and count who reads them. */
async function again(first: Request) {
  const reads: string[] = [];
  const bytes = await first.bytes();
  const fields: HeaderFields = {
    note: undefined,
    get(name) {
      reads.push(name);
      return name === "content-length" ? String(bytes.length) : first.headers.get(name);
    },
  };
  const { method, url } = first;
  const signal = new AbortController().signal;
  const request = (headers = fields): HttpRequest => ({
    ...{ method, url, headers, signal, body: null },
    bytes: async () => bytes,
    text: async () => Buffer.from(bytes).toString(),
  });
  return { request, reads };
}

const call = () => modern("tools/call", { name: "a__b", arguments: {} });

describe("one head of many requests", () => {
  test("what it says is read once", async () => {
    const made = world();
    const { request, reads } = await again(call());
    for (const _ of [1, 2, 3]) {
      expect((await made.front.handle(request(), made.peer)).status).toBe(200);
    }
    expect(made.got).toHaveLength(3);
    for (const name of ["host", "origin", "accept", "content-type", "authorization"]) {
      expect(reads.filter((one) => one === name)).toEqual([name]);
    }
  });

  test("R1 without a good key, what takes long to read is not read", async () => {
    const made = world();
    const { request, reads } = await again(call());
    made.revoke("alice");
    expect((await made.front.handle(request(), made.peer)).status).toBe(401);
    expect(reads).toContain("authorization");
    expect(reads.filter((name) => name === "accept" || name === "content-type")).toEqual([]);
  });

  test("F8 F11 whose key it carries is asked each time", async () => {
    const made = world();
    const { request } = await again(call());
    expect((await made.front.handle(request(), made.peer)).status).toBe(200);
    made.revoke("alice");
    const answer = await made.front.handle(request(), made.peer);
    expect([answer.status, await codeOf(answer)]).toEqual([401, "GW_KEY_UNKNOWN"]);
    expect(made.got).toHaveLength(1);
  });

  test("F1 what is ours may change: the next request is judged by what is ours then", async () => {
    const ports: number[] = [];
    const made = world(undefined, { ports });
    const { request } = await again(call());
    const statuses: number[] = [];
    for (const now of [[], [], [3100], [3100], [3200, 3300], [3200, 3300]]) {
      ports.splice(0, ports.length, ...now);
      statuses.push((await made.front.handle(request(), made.peer)).status);
    }
    expect(statuses).toEqual([403, 403, 200, 200, 403, 403]);
  });

  test("F1 a head that passed is looked at again when hosts or ports change", () => {
    let hosts = ["a.example"];
    const ports = [3100];
    const guard = createHostGuard(() => hosts, ports);
    const states = [guard.state(), guard.state()];
    expect(states[1]).toBe(states[0] as object);
    hosts = ["b.example"];
    states.push(guard.state());
    ports.push(3200);
    states.push(guard.state());
    expect(new Set(states).size).toBe(3);
    expect([guard.host("a.example"), guard.host("b.example")]).toEqual(["foreign", "ours"]);
  });

  test("fields that are no one's twice keep nothing", () => {
    const request = new Request("http://localhost:3100/mcp?a=/b", { headers: { host: "x" } });
    expect(headOf(request)).not.toBe(headOf(request));
    expect(headOf(request)).toMatchObject({ path: "/mcp", host: "x", accepts: "json" });
    expect("note" in request.headers).toBe(false);
  });
});
