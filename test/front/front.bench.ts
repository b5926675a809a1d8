/**
 * CPU of one tools/call through the front, beside a bare server that reads the body and answers.
 * `bun test/front/front.bench.ts [rounds]`: both as processes of their own, in turn; µs per call.
 */

import { spawn } from "node:child_process";
import process from "node:process";

const connections = 32;
const calls = 20_000;
const text = "x".repeat(120);
const args = JSON.stringify({ name: "files__echo", arguments: { message: text } });
const answer = `{"content":[{"type":"text","text":"${text}"}]}`;

if (process.argv[2] === "serve") await serve(process.argv[3] ?? "");
else await compare(Number(process.argv[2] ?? 7));

/** The child: prints its port, then at each byte of stdin the CPU µs since the last one. */
async function serve(kind: string): Promise<void> {
  if (kind === "bare") {
    const init = { headers: { "content-type": "application/json" } };
    const body = `{"jsonrpc":"2.0","id":1,"result":${answer}}`;
    const reply = () => new Response(body, init);
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 30,
      fetch: (request) => request.bytes().then(reply),
    });
    console.log(server.port);
  } else {
    const { bunRuntime } = await import("../../src/runtime/bun.ts");
    const { echo, world } = await import("./kit.ts");
    const ports: number[] = [];
    const shown = kind === "echo" ? echo : undefined;
    const made = world(
      shown ??
        (({ incoming, reply }) => {
          reply.send(200, [
            `{"jsonrpc":"2.0","id":${incoming.message.idText},"result":`,
            answer,
            "}",
          ]);
        }),
      { ports },
      "forgetful",
    );
    const listener = await bunRuntime.listen({
      address: { host: "127.0.0.1", port: 0 },
      bodyBytesMax: 4 << 20,
      idleSeconds: 30,
      handle: made.front.handle,
    });
    ports.push(listener.port);
    console.log(listener.port);
  }
  let last = process.cpuUsage();
  process.stdin.on("data", () => {
    const used = process.cpuUsage(last);
    last = process.cpuUsage();
    console.log(used.user + used.system);
  });
}

interface Target {
  readonly name: string;
  readonly port: number;
  readonly request: string;
  readonly rounds: number[];
  cpu(): Promise<number>;
  kill(): void;
}

async function compare(rounds: number): Promise<void> {
  const targets = [
    await start("bare", "bare", legacy),
    await start("legacy", "front", legacy),
    await start("modern", "front", modern),
  ];
  for (const target of targets) await drive(target, 10_000);
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      await target.cpu();
      await drive(target, calls);
      target.rounds.push((await target.cpu()) / calls);
    }
  }
  const bare = median(targets[0]?.rounds ?? []);
  for (const { name, rounds: all, kill } of targets) {
    const own = median(all);
    console.log(`${name.padEnd(8)} ${own.toFixed(1)} µs/call  +${(own - bare).toFixed(1)}`);
    kill();
  }
}

function median(all: readonly number[]): number {
  return [...all].sort((a, b) => a - b)[all.length >> 1] ?? 0;
}

async function start(
  name: string,
  kind: string,
  request: (port: number) => Promise<string>,
): Promise<Target> {
  const child = spawn(process.execPath, [import.meta.path, "serve", kind], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let told: (line: string) => void = () => {};
  child.stdout.on("data", (data) => told(String(data)));
  const next = () =>
    new Promise<number>((resolve) => {
      told = (line) => resolve(Number(line));
    });
  const port = await next();
  return {
    name,
    port,
    request: await request(port),
    rounds: [],
    cpu() {
      child.stdin.write("x");
      return next();
    },
    kill: () => child.kill(),
  };
}

async function legacy(port: number): Promise<string> {
  const head = headers(port);
  const { hello } = await import("./kit.ts");
  const opened = await fetch(`http://127.0.0.1:${port}/mcp`, {
    method: "POST",
    headers: head,
    body: JSON.stringify(hello),
  });
  const session = opened.headers.get("mcp-session-id") ?? "none";
  return raw({ ...head, "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" }, args);
}

async function modern(port: number): Promise<string> {
  const mirrors = {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "files__echo",
  };
  const { envelope } = await import("./kit.ts");
  const meta = `"_meta":${JSON.stringify(envelope)}`;
  return raw({ ...headers(port), ...mirrors }, `${args.slice(0, -1)},${meta}}`);
}

function headers(port: number): Record<string, string> {
  return {
    host: `127.0.0.1:${port}`,
    "user-agent": "bench",
    authorization: "Bearer alice",
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
  };
}

function raw(head: Record<string, string>, params: string): string {
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join("")}Content-Length: ${body.length}\r\n\r\n${body}`;
}

async function drive(target: Target, count: number): Promise<void> {
  let sent = 0;
  let done = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const send = (socket: Bun.Socket) => {
    if (sent++ < count) socket.write(target.request);
  };
  const opened = Array.from({ length: connections }, () =>
    Bun.connect({
      hostname: "127.0.0.1",
      port: target.port,
      socket: {
        data(socket, data) {
          if (done === 0 && !data.toString().startsWith("HTTP/1.1 200"))
            throw new Error(String(data));
          if (++done >= count) resolve();
          else send(socket);
        },
      },
    }),
  );
  const sockets = await Promise.all(opened);
  for (const socket of sockets) send(socket);
  await promise;
  for (const socket of sockets) socket.end();
}
