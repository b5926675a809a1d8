/** The URL that the doors route on: from the target, as every other runtime makes it (F3, F13). */

import { expect, test } from "bun:test";
import net from "node:net";
import fc from "fast-check";
import { isBad, parseHead } from "../../src/runtime/http/head.ts";

const urlOf = (target: string, host = "h") => {
  const head = parseHead(`GET ${target} HTTP/1.1\r\nHost: ${host}`);
  return isBad(head) ? undefined : head.url;
};
/** As src/front/http.ts finds the path and the query. */
const behindHost = (url: string) => url.slice(url.indexOf("/", "http://".length + 1));

const pieces = [
  ...["/", "/", "/", "\\", ".", "..", "%2e", "%2E", "%2f", "%5C", "%", "mcp", "MCP", "%6dcp", "?"],
  ...["x", ";", '"', "<", ">", "^", "`", "{", "|", "}", "'", "@", ":", "&", "=", "~", "h"],
];
const paths = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "binary-ascii", maxLength: 2 })))
  .map((parts) => `/${parts.join("")}`);

test("F13 the URL is that of a Request for the same target", () => {
  let accepted = 0;
  fc.assert(
    fc.property(paths, (path) => {
      const url = urlOf(path);
      const sendable = [...path].every((one) => one > " " && one < "\x7f" && one !== "#");
      expect(url).toBe(sendable ? new Request(`http://h${path}`).url : undefined);
      if (!sendable) return;
      accepted += 1;
      expect(urlOf(`http://h${path}`)).toBe(url);
      expect(new URL(url!).href).toBe(url!);
    }),
    { numRuns: 3_000 },
  );
  expect(accepted).toBeGreaterThan(1_000);
});

const targets = [
  ...["/", "/mcp", "/mcp?", "/mcp?a=b", "/mcp/", "//mcp", "/MCP", "/mcp;x", "/%6dcp", "/mcp%2f"],
  ...["/x/../mcp", "/./mcp", "/%2e%2e/mcp", "/%2E/mcp", "/x/.%2e/mcp", "/a\\..\\mcp", "/\\mcp"],
  ...["/mcp/.", "/mcp/..", "/mcp/%2e", "/...", "/..;/mcp", "/?/../mcp", "/mcp?a/../b\\c", "/%zz"],
  ...['/a"b<c>d^e`f{g|h}', "/?a\"b<c>d^e`f{g|h}'", "/h:80/x", "/@h/x", "/http://x/y"],
  ...["http://h/x", "http://h", "http://h/../x"],
];

test("F13 the URL is what Bun's own server hands on", async () => {
  const server = Bun.serve({ port: 0, fetch: ({ url }) => new Response(url) });
  const ask = (target: string) =>
    new Promise<string>((resolve, reject) => {
      let got = "";
      const socket = net.connect(server.port!, "127.0.0.1");
      socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n\r\n`);
      socket.on("data", (data) => {
        got += data.toString("latin1");
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(/\r\n\r\n(http[^\r]*?)(HTTP|$)/.exec(got)?.[1] ?? got));
    });
  const theirs = await Promise.all(targets.map(ask));
  await server.stop(true);
  expect(targets.map((target) => urlOf(target))).toEqual(theirs);
});

test.each([
  ["localhost", true],
  ["localhost:8080", true],
  ["LOCALHOST:1", true],
  ["my_container.internal-1", true],
  ["127.0.0.1:65535", true],
  ["[::1]", true],
  ["[::1]:80", true],
  ["[::ffff:1.2.3.4]", true],
  ["", false],
  [":80", false],
  ["h:", false],
  ["h:65536", false],
  ["h:80:80", false],
  ["h:8o", false],
  ["h:+80", false],
  ["localhost/health?", false],
  ["h/", false],
  ["h\\mcp", false],
  ["h?", false],
  ["h#", false],
  ["user@h", false],
  ["user:80@h", false],
  ["a b", false],
  ["h%2fmcp", false],
  ["loc%61lhost", false],
  ["h\xe4", false],
  ["999.1.1.1", false],
  ["::1", false],
  ["[::1", false],
  ["[::1]h", false],
  ["[::1]]", false],
  ["[::1]1", false],
  ["[::1]/a", false],
  ["[::1]\\a", false],
  ["[::1]@1", false],
  ["[::1]/x?", false],
  ["[::1]\\x", false],
  ["[::1]@h", false],
  ["[::1]:80@h", false],
  ["[:1", false],
  ["[", false],
  ["[]", false],
  ["[h]", false],
  ["[1:2]", false],
  ["[fe80::1%25eth0]", false],
  ["<h>", false],
])("F3 Host %p: %p", (host, good) => {
  expect(urlOf("/mcp", host)).toBe(good ? `http://${host}/mcp` : undefined);
});

test("F3 no Host moves the path, and every URL is one", () => {
  const parts = [
    "h",
    "a.b",
    ":",
    "80",
    "[",
    "]",
    "::1",
    "/",
    "\\",
    "?",
    "#",
    "@",
    "%2f",
    " ",
    "\t",
  ];
  const hosts = fc
    .array(fc.oneof(fc.constantFrom(...parts), fc.string({ unit: "binary", maxLength: 2 })))
    .map((some) => some.join(""));
  let accepted = 0;
  fc.assert(
    fc.property(hosts, (host) => {
      const url = urlOf("/mcp?a", host);
      if (url === undefined) return;
      accepted += 1;
      expect(behindHost(url)).toBe("/mcp?a");
      expect(new URL(url)).toMatchObject({ pathname: "/mcp", search: "?a", username: "" });
    }),
    { numRuns: 5_000 },
  );
  expect(accepted).toBeGreaterThan(50);
});
