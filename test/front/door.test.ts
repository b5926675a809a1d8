import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { ok } from "../../src/base/result.ts";
import { bodyOf, codeOf, echo, hello, modern, open, post, rpc, to, world } from "./kit.ts";

const call = rpc("tools/call", { name: "a__b", arguments: {} });

/** Everything that is refused must not reach the call path. */
async function refused(request: Request, status: number, code: string): Promise<void> {
  const made = world();
  const answer = await made.ask(request);
  expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
  expect(made.got).toHaveLength(0);
}

describe("Host and Origin", () => {
  const hosts: [string | undefined, number, string][] = [
    ["evil.test", 403, "GW_HOST"],
    ["evil.test:3100", 403, "GW_HOST"],
    ["localhost:3101", 403, "GW_HOST"],
    ["localhost", 403, "GW_HOST"],
    ["localhost.:3100", 403, "GW_HOST"],
    ["0.0.0.0:3100", 403, "GW_HOST"],
    ["[::2]:3100", 403, "GW_HOST"],
    [undefined, 400, "GW_HEADER"],
    ["127.0.0.1:3100@evil", 400, "GW_HEADER"],
    ["user@evil", 400, "GW_HEADER"],
    ["x/mcp?", 400, "GW_HEADER"],
    ["localhost:3100, localhost:3100", 400, "GW_HEADER"],
    ["a, b", 400, "GW_HEADER"],
    ["localhost:", 400, "GW_HEADER"],
    ["localhost:31000000", 400, "GW_HEADER"],
    ["[::1", 400, "GW_HEADER"],
    ["[::1]x:3100", 400, "GW_HEADER"],
    ["", 400, "GW_HEADER"],
  ];
  test.each(hosts)("F1 F2 F3 Host %p is refused", (host, status, code) =>
    refused(post(call, { host }), status, code),
  );
  test.each([
    "localhost:3100",
    "LOCALHOST:3100",
    "127.0.0.1:3100",
    "[::1]:3100",
    "mcp.example",
    "mcp.example:8443",
  ])("F1 Host %p is ours", async (host) => {
    expect((await world().ask(post(hello, { host }))).status).toBe(200);
  });
  test.each([
    "http://evil.test",
    "null",
    "http://localhost:5173",
    "file://localhost:3100",
    "http://localhost:3100@evil",
    "http://localhost:3100/",
    "",
  ])("F1 Origin %p is refused", (origin) => refused(post(call, { origin }), 403, "GW_ORIGIN"));
  test.each(["http://localhost:3100", "https://mcp.example", "http://127.0.0.1:3100"])(
    "F1 Origin %p is ours",
    async (origin) => {
      expect((await world().ask(post(hello, { origin }))).status).toBe(200);
    },
  );
  test("F1 Host is checked on every path", () =>
    Promise.all(
      ["/health", "/ready", "/metrics", "/mcp", "/.well-known/oauth-protected-resource"].map(
        (path) => refused(to("GET", path, { host: "evil.test" }), 403, "GW_HOST"),
      ),
    ));
  test("ports that were bound after the front was made count", async () => {
    const ports: number[] = [];
    const made = world(echo, { ports });
    expect((await made.ask(post(hello))).status).toBe(403);
    ports.push(3100);
    expect((await made.ask(post(hello))).status).toBe(200);
  });
});

describe("paths", () => {
  const odd = [
    "/mcp/",
    "//mcp",
    "/mcp%2f",
    "/MCP",
    "/mcp;x",
    "/%6dcp",
    "/mcp/x",
    "/",
    "/admin",
    "/sse/",
    "/SSE",
    "/message",
    "/messages/x",
  ];
  test.each(odd)("F13 %s is nothing, with or without a key", async (path) => {
    for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
      await refused(to(method, path), 404, "GW_NOT_FOUND");
      await refused(to(method, path, { authorization: undefined }), 404, "GW_NOT_FOUND");
    }
  });
  test("F13 without a key every method of /mcp is 401", async () => {
    const paths = ["/mcp", "/mcp?x", "/../mcp", "/x/../mcp"];
    for (const path of [...paths, "/sse", "/messages", "/messages?sessionId=x"]) {
      for (const method of ["GET", "POST", "DELETE", "PUT", "OPTIONS", "HEAD"]) {
        const answer = await world().ask(to(method, path, { authorization: undefined }));
        expect([401, 404]).toContain(answer.status);
      }
    }
  });
  test("/mcp names its methods", async () => {
    const answer = await world().ask(to("PUT", "/mcp"));
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST, GET, DELETE"]);
  });
  test("O10 /health says one thing to everyone", async () => {
    const made = world();
    made.ready = { ready: false, checks: [{ name: "store", ok: false, reason: "down" }] };
    const answer = await made.ask(
      to("GET", "/health", { authorization: undefined, "user-agent": "GoogleHC/1.0" }),
    );
    expect([answer.status, await answer.text()]).toEqual([200, '{"status":"ok"}']);
    expect((await made.ask(to("POST", "/health"))).status).toBe(405);
  });
  test("O10 /metrics is for a viewer's key, whatever else a request says", async () => {
    const asked = async (headers: Record<string, string | undefined>, method = "GET") =>
      (await world().ask(to(method, "/metrics", { authorization: undefined, ...headers }))).status;
    expect(await asked({ authorization: "Bearer viewer" })).toBe(200);
    expect(await asked({ authorization: "Bearer viewer" }, "POST")).toBe(405);
    expect(await asked({})).toBe(401);
    expect(await asked({ authorization: "Bearer alice" })).toBe(401);
    expect(await asked({ "user-agent": "Prometheus/3", "x-forwarded-for": "127.0.0.1" })).toBe(401);
  });
  test("/ready names what is missing", async () => {
    const made = world();
    const checks = [{ name: "store", ok: false, reason: "GW_DATABASE: refused" }];
    made.ready = { ready: false, checks };
    const answer = await made.ask(to("GET", "/ready", { authorization: undefined }));
    expect(answer.status).toBe(503);
    expect(await bodyOf(answer)).toEqual({ status: "not ready", checks });
    made.ready = { ready: true, checks: [] };
    expect((await made.ask(to("GET", "/ready"))).status).toBe(200);
  });
  test.each([
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/mcp",
    "/mcp/.well-known/openid-configuration",
    "/register",
  ])("%s ends an OAuth hunt", async (path) => {
    for (const method of ["GET", "POST"]) {
      const answer = await world().ask(to(method, path, { authorization: undefined }));
      expect([answer.status, answer.headers.get("content-type")]).toEqual([
        404,
        "application/json",
      ]);
      expect(await codeOf(answer)).toBe("GW_NO_OAUTH");
    }
  });
});

describe("keys", () => {
  test.each([
    [undefined, "GW_KEY_MISSING"],
    ["Bearer nobody", "GW_KEY_UNKNOWN"],
    ["Bearer alice, Bearer bob", "GW_KEY_UNKNOWN"],
    ["Bearer expired", "GW_KEY_EXPIRED"],
  ])("F6 F10 Authorization %p is 401", async (authorization, code) => {
    const made = world();
    for (const method of ["POST", "GET", "DELETE"]) {
      const answer = await made.ask(
        to(method, "/mcp", { authorization }, method === "POST" ? JSON.stringify(call) : undefined),
      );
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toStartWith(
        `Bearer error="invalid_token", error_description="${code}: `,
      );
      expect(await codeOf(answer)).toBe(code);
    }
    expect(made.got).toHaveLength(0);
  });
  test("the challenge stays inside its quotes", async () => {
    const answer = await world().ask(post(call, { authorization: "Bearer expired" }));
    expect(answer.headers.get("www-authenticate")).toBe(
      'Bearer error="invalid_token", ' +
        `error_description="GW_KEY_EXPIRED: The key 'old' expired: its time is over"`,
    );
    const { error } = await bodyOf(answer);
    expect(Object.keys(error ?? {})).toEqual(["code", "message", "cause", "fix"]);
  });
  test("F9 a key in the URL is no key", async () => {
    for (const query of ["?token=alice", "?api_key=alice", "?authorization=Bearer%20alice"]) {
      const request = to(
        "POST",
        `/mcp${query}`,
        { authorization: undefined },
        JSON.stringify(call),
      );
      await refused(request, 401, "GW_KEY_MISSING");
    }
  });
  test("a query does not hide the path", async () => {
    const made = world();
    const answer = await made.ask(to("POST", "/mcp?x=/y", {}, JSON.stringify(hello)));
    expect(answer.status).toBe(200);
  });
  test("no key store yet: 503, not 401", () =>
    refused(post(call, { authorization: "Bearer early" }), 503, "GW_KEYS_UNAVAILABLE"));
  test("only executors call", () =>
    refused(post(call, { authorization: "Bearer viewer" }), 403, "GW_ROLE"));
});

describe("bodies", () => {
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    undefined,
    "application/json;x",
    "application/jsonp",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "multipart/form-data",
  ];
  test.each(types)("F4 Content-Type %p is refused", (type) =>
    refused(post(JSON.stringify(call), { "content-type": type ?? "" }), 415, "GW_CONTENT_TYPE"),
  );
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    'Application/JSON;charset="UTF-8"',
  ])("F4 Content-Type %p is taken", async (type) => {
    expect((await world().ask(post(hello, { "content-type": type }))).status).toBe(200);
  });
  test.each(["gzip", "br", "deflate", "identity, gzip", "identity"])(
    "P10 Content-Encoding %s",
    (encoding) => refused(post(call, { "content-encoding": encoding }), 415, "GW_CONTENT_TYPE"),
  );
  test("R1 too large, by length and by count", async () => {
    const large = JSON.stringify(rpc("ping", { a: "x".repeat(limits.bodyBytes) }));
    await refused(post(large), 413, "GW_BODY_TOO_LARGE");
    await refused(
      post(large, { "content-length": String(large.length) }),
      413,
      "GW_BODY_TOO_LARGE",
    );
  });
  test.each([
    ["{", "GW_JSON"],
    ["", "GW_JSON"],
    ['{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call"}', "GW_JSON"],
    ["\ufeff{}", "GW_JSON"],
    [`${"[".repeat(100)}`, "GW_JSON_LIMIT"],
    ["[]", "GW_MESSAGE"],
    [JSON.stringify([call, call]), "GW_MESSAGE"],
    [JSON.stringify([{ jsonrpc: "2.0", method: "notifications/initialized" }]), "GW_MESSAGE"],
    ["1", "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":1,"result":{}}', "GW_SESSION_MISSING"],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', "GW_SESSION_MISSING"],
    ['{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":null,"method":"tools/call"}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call"}', "GW_MESSAGE"],
  ])("F19 F20 F22 P11 %p is refused", (body, code) => refused(post(body), 400, code));
  test("F19 a batch has the spec's code and nobody's id", async () => {
    const answer = await bodyOf(await world().ask(post([call])));
    expect(answer.error?.code).toBe(-32600);
    expect("id" in answer).toBe(false);
  });
  test("P11 UTF-16 is refused", async () => {
    const bytes = new Uint8Array(
      new Uint16Array([...JSON.stringify(call)].map((c) => c.charCodeAt(0))).buffer,
    );
    await refused(to("POST", "/mcp", {}, bytes), 400, "GW_JSON");
  });
});

describe("answers", () => {
  test.each(["text/html", "application/json;q=0", "image/*"])(
    "Accept %s fits nothing",
    async (accept) => {
      const made = world();
      const session = await open(made);
      const answer = await made.ask(post(call, { ...session, accept }));
      expect([answer.status, await codeOf(answer)]).toEqual([406, "GW_ACCEPT"]);
      expect((await made.ask(modern("tools/list", {}, { accept }))).status).toBe(406);
      expect(made.got).toHaveLength(0);
    },
  );
  test("O11 what breaks inside shows neither stack nor path", async () => {
    const made = world(() => {
      throw new Error("at /srv/secret.ts: SELECT * FROM keys");
    });
    const session = await open(made);
    const answer = await made.ask(post(call, session));
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(JSON.parse(text).error.data.code).toBe("GW_INTERNAL");
    expect(JSON.parse(text).id).toBe(1);
    expect(text).not.toContain("secret");
    expect(made.logged[0]?.fields["cause"]).toContain("SELECT");
    expect(made.front.status().inFlight).toBe(0);
  });
  test("O11 a door that breaks answers too", async () => {
    const made = world(echo, {
      hello: async () => {
        throw new Error("/srv/x");
      },
      ready: () => {
        throw new Error("/srv/y");
      },
    });
    for (const request of [post(hello), to("GET", "/ready"), modern("server/discover")]) {
      const answer = await made.ask(request);
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toContain("/srv");
    }
    expect(made.logged).toHaveLength(3);
  });
  test("O11 F11 keys that break while a body comes: it is answered, and nothing is called", async () => {
    let asked = 0;
    const made = world(echo, {
      access: {
        authenticate() {
          if (++asked > 1) throw new Error("/srv/z");
          return ok({ keyId: "a", keyName: "a", roles: ["executor"], claims: {}, expiresMs: null });
        },
        isLive: () => true,
        onGone: () => {},
        status: () => ({ source: "store", keys: 1, refreshedMs: 0, error: undefined }),
      },
    });
    const answer = await made.ask(modern("tools/list"));
    expect([answer.status, await answer.text()]).toEqual([
      500,
      expect.not.stringContaining("/srv"),
    ]);
    expect([asked, made.got.length]).toEqual([2, 0]);
  });
  test("F26 F27 nothing reaches the call path but what it asks for", async () => {
    const made = world();
    const session = await open(made);
    await made.ask(post(call, { ...session, mcp_name: "evil", connection: "authorization" }));
    const { incoming } = made.got[0]!;
    expect(Object.keys(incoming).sort()).toEqual([
      "arrived",
      "capabilities",
      "client",
      "era",
      "identity",
      "logLevel",
      "message",
      "protocol",
      "session",
      "transport",
      "watched",
    ]);
    // What it answers through, and the one header it may ask for at a time.
    expect(Object.getOwnPropertyNames(Object.getPrototypeOf(incoming)).sort()).toEqual([
      ...["ask", "constructor", "header", "notify", "send"],
    ]);
    expect(incoming.header("mcp-name")).toBe(null);
  });
});
