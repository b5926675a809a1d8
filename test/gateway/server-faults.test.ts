/** Causes as both runtimes word them, and what is said to do. */

import { expect, test } from "bun:test";
import { catalogue } from "../../src/base/error-codes.ts";
import { commands } from "../../src/cli/commands.ts";
import type { ServerConfig } from "../../src/gateway/config-model.ts";
import { faultOf } from "../../src/gateway/server-faults.ts";

const server = (kind: "http" | "stdio") =>
  ({ id: "x", transport: { kind } }) as unknown as ServerConfig;

const cases: readonly (readonly ["http" | "stdio", string, string, RegExp])[] = [
  ["http", "ECONNREFUSED (Failed to connect)", "GW_SERVER_REFUSED", /port in servers.x.url/],
  ["http", "ENOTFOUND (getaddrinfo ENOTFOUND a.invalid)", "GW_SERVER_NAME", /DNS/],
  ["http", "EHOSTUNREACH (no route)", "GW_SERVER_ROUTE", /routes/],
  ["http", "ETIMEDOUT (no connection within 5000 ms)", "GW_SERVER_SILENT", /firewalls/],
  ["http", "DEPTH_ZERO_SELF_SIGNED_CERT", "GW_TLS", /servers.x.tls.ca/],
  ["http", "EPROTO (error:100000f7:SSL routines:WRONG_VERSION_NUMBER)", "GW_TLS", /http:/],
  ["http", "ERR_SSL_WRONG_VERSION_NUMBER (received corrupt message)", "GW_TLS", /http:/],
  ["http", "it answers HTTP 401; check `headers` …", "GW_SERVER_AUTH", /servers.x.headers/],
  ["http", "it answers HTTP 302; redirects are not followed", "GW_SERVER_HTTP", /servers.x.url/],
  ["http", "it answers initialize with HTTP 404", "GW_SERVER_HTTP", /path in servers.x.url/],
  ["http", "it answers HTTP 502", "GW_SERVER_HTTP", /own log/],
  ["http", "its answer is neither JSON nor an event stream", "GW_SERVER_HTTP", /path/],
  ["http", "no answer within 15000 ms", "GW_SERVER_HUNG", /servers restart x/],
  ["http", "192.0.2.1 is reserved, which is no server's address", "GW_SERVER_ROUTE", /url/],
  [
    "http",
    "169.254.1.1 is link-local or cloud metadata (allow_link_local is false)",
    "GW_SERVER_ROUTE",
    /servers.x.url.*servers.x.allow_link_local to true/,
  ],
  ["http", "it answers initialize with an error: no", "GW_SERVER_PROTOCOL", /MCP server/],
  [
    "stdio",
    'it could not be started: "x" is not there (ENOENT)',
    "GW_SERVER_COMMAND",
    /install the program/,
  ],
  [
    "stdio",
    'it could not be started: "x" is not executable (EACCES)',
    "GW_SERVER_COMMAND",
    /executable/,
  ],
  [
    "stdio",
    'it could not be started: its cwd "/x" is not there (ENOENT)',
    "GW_SERVER_COMMAND",
    /servers.x.cwd/,
  ],
  [
    "stdio",
    'it could not be started: "/x" is no program: it is text without a #! line (ENOEXEC)',
    "GW_SERVER_COMMAND",
    /#!/,
  ],
  ["stdio", "it exited with code 3", "GW_SERVER_EXITS", /servers show x/],
  ["stdio", "it was ended by SIGKILL", "GW_SERVER_EXITS", /servers show x/],
  ["stdio", "started 12 times within a minute; last: …", "GW_SERVER_EXITS", /servers show x/],
  ["stdio", "it did not answer initialize in 60 s", "GW_SERVER_HUNG", /servers restart x/],
  ["stdio", "it does not speak 2026-07-28 but 1", "GW_SERVER_PROTOCOL", /protocol/],
  ["stdio", "its tools could not be listed: GW_X: no", "GW_SERVER_LIST", /own log/],
  ["stdio", "something new", "GW_UPSTREAM_DOWN", /servers retry x/],
];

test.each(cases)("%s: %s", (kind, cause, code, fix) => {
  expect(faultOf(server(kind), cause, "backoff")).toEqual({
    code: code as keyof typeof catalogue,
    fix: expect.stringMatching(fix),
  });
  expect(Object.hasOwn(catalogue, code)).toBe(true);
});

test("a server that answers but is not well has another code where nothing fits", () => {
  expect(faultOf(server("http"), "something new", "degraded").code).toBe("GW_UPSTREAM_ERROR");
});

test.each(cases)("a retry is said for what it mends only: %s: %s", (kind, cause) => {
  const { fix } = faultOf(server(kind), cause, "backoff");
  for (const part of fix.split(". Or ")) {
    // A correction in the config is not seen by a retry (GW_STALE).
    const isInConfig = /\bservers\.x\b/.test(part.replace(/authensor-gw servers \w+ x/g, ""));
    expect([part, part.includes("servers retry")]).toEqual([part, !isInConfig && !hung(part)]);
    expect([part, part.includes("authensor-gw reload")]).toEqual([part, isInConfig]);
  }
});

const hung = (part: string) => part.includes("servers restart x");

test("a config that was corrected since the start needs a reload, and is said first", () => {
  const both = faultOf(server("stdio"), "it exited with code 3", "backoff", true).fix;
  expect(both).toMatch(/^authensor-gw reload: the config was changed .* Or read its last words/);
  const config = faultOf(server("http"), "it answers HTTP 401", "backoff", true).fix;
  expect(config).toBe("authensor-gw reload: the config was changed since it was read");
  // What no config mends is as it was.
  expect(faultOf(server("http"), "it answers HTTP 502", "backoff", true).fix).toMatch(/^look at/);
});

test("every command in a fix exists", () => {
  const names = commands.map(({ name }) => name);
  for (const [kind, cause] of cases) {
    const { fix } = faultOf(server(kind), cause, "backoff");
    for (const [, command] of fix.matchAll(/authensor-gw (\w+ \w+)/g)) {
      expect(names).toContain(command as string);
    }
  }
});
