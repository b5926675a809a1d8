/** What `serve` writes where a person reads it, and where a collector does. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../src/base/log.ts";
import { logWriter } from "../../src/gateway/log-writer.ts";
import { programCommand, startGateway } from "../kit/gateway.ts";
import { openTerminal } from "../kit/terminal.ts";

test("in a terminal the lines are text, and ctrl-c stops it in order", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gw-serve-"));
  const config = join(folder, "authensor-gw.yaml");
  const admin = { socket: "admin.sock" };
  const servers = { gone: { command: "no-such-program" } };
  writeFileSync(config, JSON.stringify({ listen: "localhost:0", data_dir: "d", admin, servers }));
  const env = { HOME: folder, PATH: "/usr/bin:/bin" };
  const serve = [...(await programCommand("binary")), "serve", "--config", config];
  await using terminal = openTerminal(serve, { columns: 400, cwd: folder, env });
  await terminal.sees(/T[\d:.]+Z info {2}gateway is up {2}version=\S+ listen=/);
  await terminal.sees(/warn {2}server state {2}server=gone state=backoff cause="it could not be/);
  expect(terminal.text()).not.toContain('{"time"');
  terminal.type("\u0003");
  expect(await terminal.ended).toBe(0);
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

test("in a pipe or a file they are JSON", async () => {
  await using gateway = await startGateway({ config: { servers: {} } });
  await gateway.stop();
  const lines = gateway.stderr().trim().split("\n");
  expect(lines.map((line) => typeof JSON.parse(line).message)).toEqual(lines.map(() => "string"));
}, 30_000);

describe("log.format", () => {
  const written = (format: "auto" | "json" | "text", isTerminal: boolean) => {
    const lines: string[] = [];
    const write = logWriter(
      format,
      (line) => lines.push(line),
      () => isTerminal,
    );
    createLog({ level: "info", write, now: () => 0 }).warn("a\u001b[31m", { b: "c d\n\u009b2J" });
    return lines.join("");
  };
  const json = '{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":"a\\u001b[31m",';
  const text = "1970-01-01T00:00:00.000Z warn  a";

  test.each([
    ["auto", true, text],
    ["auto", false, json],
    ["json", true, json],
    ["text", false, text],
  ] as const)("%s with a terminal %p", (format, isTerminal, begins) => {
    expect(written(format, isTerminal)).toStartWith(begins);
  });

  test("T4 a text is one line without controls too", () => {
    const line = written("text", true);
    expect([...line.trimEnd()].filter((one) => one < " " || (one > "~" && one < "\u00a0"))).toEqual(
      [],
    );
    expect(line.match(/\n/g)).toHaveLength(1);
  });
});
