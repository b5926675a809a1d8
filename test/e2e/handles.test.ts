/** R8: more connections than the process may have files, on the binary. */

import { afterAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
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
