/** Where a gateway is called that tells where it listens. */

import { expect, test } from "bun:test";
import { frontFrom } from "../../src/cli/reach.ts";
import type { Config } from "../../src/gateway/config-model.ts";

const own = "unix:/run/a.sock";
const adminPort = "http://127.0.0.1:3101 (admin)";

test.each([
  ["the same port", "localhost:1", ["http://127.0.0.1:1", "http://[::1]:1", own], "localhost:1"],
  ["another port", "localhost:2", ["http://127.0.0.1:1", own], "127.0.0.1:1"],
  ["another address", "10.0.0.1:1", ["http://127.0.0.1:1"], "127.0.0.1:1"],
  ["the same address", "::1:1", ["http://127.0.0.1:1", "http://[::1]:1"], "::1:1"],
  ["IPv6 alone", "localhost:2", ["http://[::1]:1"], "::1:1"],
  ["TLS since the start", "a.example:1", ["https://10.0.0.1:1"], "10.0.0.1:1 tls"],
  ["TLS, its usual port", "a.example:1", ["https://10.0.0.1:443"], "10.0.0.1:443 tls"],
  ["TLS as it was", "a.example:443 tls", ["https://10.0.0.1:443"], "a.example:443 tls"],
  ["TLS only in the config", "a.example:1 tls", ["http://10.0.0.1:1"], "10.0.0.1:1"],
  ["none in the config", "none", ["http://127.0.0.1:1", own], "127.0.0.1:1"],
  ["none since the start", "localhost:1", [own, adminPort], "none"],
])("%s", (_, said, urls, called) => {
  expect(textOf(frontFrom(urls, configOf(said)))).toBe(called);
});

function configOf(text: string): Config {
  const [where = "", tls] = text.split(" ");
  const at = where.lastIndexOf(":");
  const listen =
    at === -1 ? undefined : { host: where.slice(0, at), port: Number(where.slice(at + 1)) };
  const files = tls === undefined ? undefined : { cert: "c", key: "k" };
  return { listen, tls: files, naming: "prefix" } as Config;
}

function textOf({ listen, tls, naming }: Config): string {
  expect(naming).toBe("auto"); // its names are asked of it
  if (listen === undefined) return "none";
  return `${listen.host}:${listen.port}${tls === undefined ? "" : " tls"}`;
}
