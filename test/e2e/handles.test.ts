/** R8: more connections than the process may have files, on the binary. */

import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { startGateway } from "../kit/gateway.ts";
import { rawAgent } from "../kit/raw-agent.ts";
import { echo } from "../kit/servers.ts";
import { until } from "../kit/upstream.ts";

const sockets: Socket[] = [];
afterAll(() => {
  for (const socket of sockets) socket.destroy();
});

test("R8 ulimit -n 256 and 400 silent connections: calls, receipts, servers, the admin socket go on", async () => {
  await using gateway = await startGateway({
    wrap: ["sh", "-c", 'ulimit -n 256; exec "$@"', "--"],
    policy: 'id: p\nallow: ["*"]\n',
    config: { servers: { child: echo() } },
  });
  const handles = () => readdirSync(`/proc/${gateway.child().pid}/fd`).length;
  const token = await gateway.key("executor");
  const agent = await rawAgent(gateway.url, token);
  await agent.call("child__echo", { text: "before" });
  const before = handles();
  let closed = 0;
  for (let count = 0; count < 400; count += 1) {
    const socket = connect(gateway.port, "127.0.0.1");
    socket
      .on("error", () => undefined)
      .on("close", () => {
        closed += 1;
      });
    sockets.push(socket);
  }
  await until(() => closed > 100 && handles() < 240);
  // What it needs files and sockets for: connections, the admin socket, processes, receipts.
  const other = await rawAgent(gateway.url, token);
  for (const one of [agent, other]) {
    expect((await one.call("child__echo", { text: "within" })).text).toContain("within");
  }
  expect((await gateway.cli("servers", "restart", "child")).code).toBe(0);
  expect((await agent.call("child__echo", { text: "again" })).text).toContain("again");
  const began = performance.now();
  let status = await gateway.cli("status");
  // What wanted a file while there was none says so until it has tried again.
  while (status.code === 1 && performance.now() - began < 5_000) {
    await Bun.sleep(100);
    status = await gateway.cli("status");
  }
  expect([status.code, status.stdout]).toEqual([0, expect.any(String)]);
  expect(performance.now() - began).toBeLessThan(5_000);
  for (const socket of sockets) socket.destroy();
  await until(() => handles() < before + 10);
  expect(gateway.stderr()).toContain("connections that sent nothing were closed");
  expect(gateway.stderr()).not.toContain("EMFILE");
  expect((await gateway.cli("receipts", "verify")).code).toBe(0);
}, 60_000);

test("who sent anything is left alone", async () => {
  await using gateway = await startGateway({
    wrap: ["sh", "-c", 'ulimit -n 256; exec "$@"', "--"],
    policy: 'id: p\nallow: ["*"]\n',
    config: { servers: { child: echo() } },
  });
  const open = (text: string) =>
    new Promise<{ closed: boolean }>((resolve) => {
      const state = { closed: false };
      const socket = connect(gateway.port, "127.0.0.1", () => {
        socket.write(text, () => resolve(state));
      });
      socket.on("close", () => {
        state.closed = true;
      });
      socket.on("error", () => undefined);
      sockets.push(socket);
    });
  const began = await open("POST /mcp HTTP/1.1\r\nHost: localhost\r\n");
  for (let count = 0; count < 250; count += 1) {
    sockets.push(connect(gateway.port, "127.0.0.1").on("error", () => undefined));
  }
  await until(() => gateway.stderr().includes("connections that sent nothing were closed"));
  await Bun.sleep(500);
  expect(began.closed).toBe(false);
}, 60_000);

test("R8 400 connections that hold half a request: who comes is turned away, the gateway's own goes on", async () => {
  await using gateway = await startGateway({
    wrap: ["sh", "-c", 'ulimit -n 256; exec "$@"', "--"],
    policy: 'id: p\nallow: ["*"]\n',
    config: { servers: { child: echo() } },
  });
  const pid = gateway.child().pid;
  await gateway.child().says(/gateway is up/);
  // One connection from before: of those that come now only some would get one.
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const health = () => healthOver(kept, gateway.port);
  expect((await health()).status).toBe(200);
  const holders: Socket[] = [];
  const hold = (count: number) => {
    for (let left = count; left > 0; left -= 1) {
      const holder = connect(gateway.port, "127.0.0.1", () => {
        holder.write("POST /mcp HTTP/1.1\r\nHost: localhost\r\n");
      }).on("error", () => undefined);
      holders.push(holder);
      sockets.push(holder);
    }
  };
  hold(400);
  const anew = () => healthOver(new Agent(), gateway.port);
  let refused = await anew();
  // Of those that came at once some left gaps.
  for (let tries = 0; refused.status !== 503 && tries < 50; tries += 1) {
    hold(10);
    await Bun.sleep(50);
    refused = await anew();
  }
  expect(refused).toMatchObject({ status: 503, retryAfter: "1" });
  expect(JSON.parse(refused.text)).toMatchObject({ error: { code: "GW_FILE_HANDLES" } });
  expect((await health()).status).toBe(200);
  expect((await gateway.cli("servers", "restart", "child")).code).toBe(0);
  expect((await gateway.cli("status")).code).toBe(0);
  const before = cpuMs(pid);
  await Bun.sleep(1_000);
  expect(cpuMs(pid) - before).toBeLessThan(500);
  for (const holder of holders) holder.destroy();
  await until(() => readdirSync(`/proc/${pid}/fd`).length < 100);
  const agent = await rawAgent(gateway.url, await gateway.key("executor"));
  expect((await agent.call("child__echo", { text: "after" })).text).toContain("after");
  await gateway.child().says(/connections were turned away/);
  expect(gateway.stderr()).not.toContain("EMFILE");
}, 60_000);

interface Health {
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

function healthOver(agent: Agent, port: number): Promise<Health> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, port, host: "127.0.0.1", path: "/health" }, (response) => {
      const { statusCode: status, headers } = response;
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status, retryAfter: headers["retry-after"], text }));
    });
    asked.on("error", reject).end();
  });
}

/** Of the process so far. */
function cpuMs(pid: number): number {
  const [, user = 0, system = 0] =
    /\) \S+(?: \S+){10} (\d+) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.map(Number) ??
    [];
  return (user + system) * 10;
}
