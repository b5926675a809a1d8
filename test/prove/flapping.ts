/**
 * Servers that are up for two seconds and down for two, over HTTP and as children: what is answered
 * is right, no call reaches a server twice (U27), and starts are bounded (R13).
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startChild, type TestChild } from "../kit/child.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway } from "../kit/gateway.ts";
import type { Proof } from "../kit/proof.ts";
import { rawAgent } from "../kit/raw-agent.ts";

const script = join(import.meta.dirname, "../kit/servers/flapping.ts");
const phaseMs = 2_000;

export async function flapping(run: Proof, seconds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "gw-flap-"));
  const file = (name: string) => join(folder, name);
  for (const name of ["web", "io"]) writeFileSync(file(name), "");
  const port = await freePort();
  await using gateway = await startGateway({
    policy: 'id: p\nallow: ["*"]\n',
    config: {
      servers: {
        web: { url: `http://127.0.0.1:${port}/mcp`, protocol: "legacy" },
        io: { command: [process.execPath, script, file("io"), "stdio"], protocol: "legacy" },
      },
    },
  });
  const token = await gateway.key("executor");
  const until = performance.now() + seconds * 1000;
  const figures = { calls: 0, right: 0, wrong: 0, errors: new Map<string, number>() };
  let web: TestChild | undefined;
  const flaps = (async () => {
    for (let up = true; performance.now() < until; up = !up) {
      if (up) web = startChild([process.execPath, script, file("web"), "http", String(port)]);
      else await web?.kill9();
      await Bun.sleep(phaseMs);
    }
    await web?.kill9();
  })();
  const caller = async (name: string, at: number) => {
    const agent = await rawAgent(gateway.url, token, { era: at % 2 === 0 ? "legacy" : "modern" });
    for (let count = 0; performance.now() < until; count += 1) {
      const nonce = `${name}-${at}-${count}.`;
      const { text } = await agent.ask("tools/call", {
        ...{ name: `${name}__say`, arguments: { nonce } },
      });
      figures.calls += 1;
      const [code] = /GW_[A-Z_]+/.exec(text) ?? [];
      if (code !== undefined) figures.errors.set(code, (figures.errors.get(code) ?? 0) + 1);
      else if (text.includes(nonce)) figures.right += 1;
      else figures.wrong += 1;
      await Bun.sleep(10);
    }
  };
  const callers = ["web", "io"].flatMap((name) => [0, 1, 2, 3].map((at) => caller(name, at)));
  await Promise.all([flaps, ...callers]);
  await gateway.stop();
  const codes = [...figures.errors].map(([code, count]) => `${code} ${count}`).join(", ");
  const what = `servers up 2 s, down 2 s, for ${seconds} s`;
  const { calls, right, wrong } = figures;
  run.bar(`${what}: calls, answered`, `${calls}, ${right}; ${codes}`, right > seconds);
  run.bar("  wrong answers", wrong, wrong === 0);
  const known = [...figures.errors.keys()].every((code) =>
    ["GW_UPSTREAM_DOWN", "GW_UPSTREAM_LOST", "GW_TOOL_UNKNOWN"].includes(code),
  );
  run.bar("  errors that say what happened", codes === "" ? "none" : codes, known);
  const lines = ["web", "io"].flatMap((name) => readFileSync(file(name), "utf8").split("\n"));
  const nonces = lines.filter((line) => line.startsWith("call "));
  const twice = nonces.length - new Set(nonces).size;
  run.bar(
    "  calls that reached a server, and those twice",
    `${nonces.length}, ${twice}`,
    twice === 0,
  );
  const starts = readFileSync(file("io"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("up "));
  const most = mostPerMinute(starts.map((line) => Number(line.slice(3))));
  run.bar("  starts of the child in a minute (<= 12)", most, most <= 12 && most > 0);
  rmSync(folder, { recursive: true, force: true });
}

function mostPerMinute(times: readonly number[]): number {
  const within = times.map((from) => times.filter((at) => at >= from && at < from + 60_000).length);
  return Math.max(0, ...within);
}
