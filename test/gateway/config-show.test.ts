import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/gateway/config-read.ts";
import { showConfig } from "../../src/gateway/config-show.ts";

function shownOf(text: string, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "show-"));
  writeFileSync(join(folder, "authensor-gw.yaml"), text);
  const loaded = loadConfig({ env: { HOME: "/home/me", ...env }, cwd: folder });
  rmSync(folder, { recursive: true });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const values = showConfig(loaded.value.config, loaded.value.source);
  return (path: string) => {
    const found = values.find((value) => value.path === path);
    return found === undefined ? undefined : [found.value, found.origin];
  };
}

describe("showConfig", () => {
  test("names the line, the reference or the default of each value", () => {
    const of = shownOf('listen: "${L:-localhost:9}"\nnaming: bare\nlimits: { body: 1MiB }\n');
    expect(of("listen")).toEqual(["localhost:9", "line 1, ${L:-localhost:9}"]);
    expect(of("naming")).toEqual(["bare", "line 2"]);
    expect(of("limits.body")).toEqual(["1MiB", "line 3"]);
    expect(of("limits.result")).toEqual(["16MiB", "default"]);
    expect(of("data_dir")).toEqual(["/home/me/.local/state/authensor-gw", "default"]);
  });

  test("timeouts and renamed servers keep their lines", () => {
    const of = shownOf("servers:\n  My_Server:\n    command: x\n    timeout: 90s\n");
    expect(of("servers.my-server.command")).toEqual(['["x"]', "line 3"]);
    expect(of("servers.my-server.timeout.idle")).toEqual(["90s", "line 4"]);
    expect(of("servers.my-server.timeout.max")).toEqual(["10m", "default"]);
  });

  test("sizes of arguments and results keep their lines, where there are any", () => {
    const of = shownOf(`servers:
  a:
    command: x
    max_args: 64KiB
    max_result: 1MiB
    tools:
      small: { max_args: 100B }
      other: { timeout: 5s }
  b: { command: y, tools: { t: { timeout: 5s } } }
`);
    expect(of("servers.a.max_args")).toEqual(["64KiB", "line 4"]);
    expect(of("servers.a.max_result")).toEqual(["1MiB", "line 5"]);
    expect(of("servers.a.tools.small.max_args")).toEqual(["100B", "line 7"]);
    expect(of("servers.a.tools.other.max_args")).toEqual(["64KiB", "line 4"]);
    expect(of("servers.b.max_args")).toBeUndefined();
    expect(of("servers.b.tools.t.max_args")).toBeUndefined();
  });

  test("no secret is shown", () => {
    const text = `database: postgres://user:hunter2@db/x?password=hunter2
servers:
  a:
    url: https://x.example/mcp?api_key=hunter2
    headers: { Authorization: "Bearer hunter2", X: "\${TOKEN}" }
  b:
    command: [run, --token, hunter2, --api-key=hunter2, --port, "1"]
    env: { SECRET: hunter2, OTHER: "\${TOKEN}" }
`;
    const folder = mkdtempSync(join(tmpdir(), "show-"));
    writeFileSync(join(folder, "authensor-gw.yaml"), text);
    const loaded = loadConfig({ env: { HOME: "/h", TOKEN: "hunter2" }, cwd: folder });
    rmSync(folder, { recursive: true });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
    const all = JSON.stringify(showConfig(loaded.value.config, loaded.value.source));
    expect(all).not.toContain("hunter2");
    expect(all).toContain("${TOKEN}");
    expect(all).toContain("--port");
    expect(all).toContain("postgres://user:***@db/x");
  });
});
