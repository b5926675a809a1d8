/** What a new config changes in a running gateway: which keys, and what each takes. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigDiff, diffConfigs, inForce } from "../../src/gateway/config-diff.ts";
import type { Config } from "../../src/gateway/config-model.ts";
import { readConfig } from "../../src/gateway/config-read.ts";

const base = {
  listen: "localhost:3100",
  data_dir: "data",
  servers: { files: { command: ["fs", "/srv"] }, web: { url: "http://127.0.0.1:1/mcp" } },
};
type Form = Record<string, unknown>;
const files = (more: Form) => ({ ...base, servers: { ...base.servers, files: more } });
const web = (more: Form) => ({ ...base, servers: { ...base.servers, web: more } });
const { command } = base.servers.files;
const { url } = base.servers.web;

const folder = mkdtempSync(join(tmpdir(), "diff-"));
mkdirSync(join(folder, "credentials"), { mode: 0o700 });
afterAll(() => rmSync(folder, { recursive: true }));

function config(form: Form, secret = "one"): Config {
  writeFileSync(join(folder, "credentials", "token"), secret, { mode: 0o600 });
  writeFileSync(join(folder, "ca.pem"), secret);
  writeFileSync(join(folder, "authensor-gw.yaml"), JSON.stringify(form));
  const read = readConfig({ env: { HOME: "/home/me" }, cwd: folder });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

/** `restart files: env`, `setting naming`, `gateway listen`. */
function words({ servers, settings, restart }: ConfigDiff): readonly string[] {
  return [
    ...servers.map(
      ({ id, action, keys }) => `${action} ${id}${keys.length === 0 ? "" : `: ${keys.join(" ")}`}`,
    ),
    ...settings.map((key) => `setting ${key}`),
    ...restart.map((key) => `gateway ${key}`),
  ];
}

const cases: readonly [what: string, after: Form, words: readonly string[]][] = [
  ["the same", { ...base }, []],
  ["a server more", { ...base, servers: { ...base.servers, more: { url } } }, ["add more"]],
  ["one less", { ...base, servers: { files: { command } } }, ["remove web"]],
  ["none", { ...base, servers: {} }, ["remove files", "remove web"]],
  [
    "another order",
    { ...base, servers: { web: { url }, files: { command } } },
    ["setting servers"],
  ],
  ["timeout", files({ command, timeout: "5s" }), ["update files: timeout"]],
  [
    "timeout of a tool",
    files({ command, tools: { read: { timeout: "5s" } } }),
    ["update files: tools"],
  ],
  ["max_in_flight", files({ command, max_in_flight: 3 }), ["update files: max_in_flight"]],
  ["max_args", files({ command, max_args: "1KiB" }), ["update files: max_args"]],
  [
    "max_args of a tool",
    files({ command, tools: { read: { max_args: "1KiB" } } }),
    ["update files: tools"],
  ],
  ["max_result", files({ command, max_result: "1MiB" }), ["update files: max_result"]],
  ["required", files({ command, required: true }), ["update files: required"]],
  ["command", files({ command: ["fs", "/other"] }), ["restart files: command"]],
  ["cwd", files({ command, cwd: "/srv" }), ["restart files: cwd"]],
  ["env", files({ command, env: { A: "1" } }), ["restart files: env"]],
  ["instance", files({ command, instance: "per-key" }), ["restart files: instance"]],
  [
    "env and timeout",
    files({ command, env: { A: "1" }, timeout: "5s" }),
    ["restart files: env timeout"],
  ],
  ["disabled", files({ command, disabled: true }), ["disable files: disabled"]],
  ["url", web({ url: "http://127.0.0.1:2/mcp" }), ["restart web: url"]],
  ["headers", web({ url, headers: { A: "1" } }), ["restart web: headers"]],
  ["protocol", web({ url, protocol: "legacy" }), ["restart web: protocol"]],
  ["type", web({ url, type: "sse" }), ["restart web: type"]],
  ["allow_link_local", web({ url, allow_link_local: true }), ["restart web: allow_link_local"]],
  ["a child now", web({ command }), ["replace web: command"]],
  ["naming", { ...base, naming: "auto" }, ["setting naming"]],
  ["hosts", { ...base, hosts: ["mcp.example"] }, ["setting hosts"]],
  ["protocol of agents", { ...base, protocol: "modern" }, ["setting protocol"]],
  ["reload.watch", { ...base, reload: { watch: true } }, ["setting reload.watch"]],
  ["policy", { ...base, policy: "p.yaml" }, ["setting policy"]],
  [
    "log",
    { ...base, log: { level: "debug", access: true, format: "text" } },
    ["setting log.level", "setting log.access", "gateway log.format"],
  ],
  [
    "limits",
    { ...base, limits: { body: "8MiB", result: "1MiB", json_depth: 9, json_values: 999 } },
    [
      ...["setting limits.result", "setting limits.json_depth", "setting limits.json_values"],
      "gateway limits.body",
    ],
  ],
  ["listen", { ...base, listen: "localhost:3101" }, ["gateway listen"]],
  ["listen: none", { ...base, listen: "none" }, ["gateway listen"]],
  ["data_dir", { ...base, data_dir: "d2" }, ["gateway data_dir", "gateway admin.socket"]],
  ["database", { ...base, database: "postgres://h/d" }, ["gateway database"]],
  ["auth", { ...base, auth: "none" }, ["gateway auth"]],
  ["behind_proxy", { ...base, behind_proxy: true }, ["gateway behind_proxy"]],
  ["seal_key", { ...base, seal_key: "ab".repeat(32) }, ["gateway seal_key"]],
  ["audit", { ...base, audit: { mode: "fast" } }, ["gateway audit.mode"]],
  [
    "admin",
    { ...base, admin: { listen: "localhost:1", group: "g" } },
    ["gateway admin.group", "gateway admin.listen"],
  ],
];

describe("what a new config changes", () => {
  for (const [what, after, wanted] of cases) {
    test(what, () => {
      const before = config(base);
      const next = config(after);
      const diff = diffConfigs(before, next);
      expect(words(diff)).toEqual(wanted as string[]);
      // What is in force then differs from the file in nothing but what needs a restart.
      const now = inForce(before, next);
      expect(words(diffConfigs(now, next))).toEqual(
        wanted.filter((word) => word.startsWith("gateway")),
      );
    });
  }

  const secrets: readonly [what: string, form: Form, key: string][] = [
    ["a credential in a header", web({ url, headers: { A: "${cred:token}" } }), "headers"],
    [
      "a file in the environment",
      files({ command, env: { A: "${file:credentials/token}" } }),
      "env",
    ],
    ["a private CA", web({ url: "https://127.0.0.1:1/mcp", tls: { ca: "ca.pem" } }), "tls.ca"],
  ];
  for (const [what, form, key] of secrets) {
    test(`T10 ${what} that changed counts, and is not shown`, () => {
      const diff = diffConfigs(config(form, "s3cr3t-1"), config(form, "s3cr3t-2"));
      expect(diff.servers.map(({ action, keys }) => [action, ...keys])).toEqual([["restart", key]]);
      expect(JSON.stringify(diff)).not.toContain("s3cr3t");
    });
  }
});
