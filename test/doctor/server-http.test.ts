/** Doctor dials what the gateway dials, and sends its headers nowhere else. */

import { expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { askHttp } from "../../src/doctor/ask.ts";
import { checkHttpServer } from "../../src/doctor/server-http.ts";
import type { World } from "../../src/doctor/world.ts";
import type { ServerConfig } from "../../src/gateway/config-model.ts";
import { testCertificate } from "../kit/certificate.ts";

/** Counts what reaches it on every loopback address. */
async function logger(): Promise<{ port: number; reached(): number; close(): void }> {
  let count = 0;
  const open = async (host: string, port: number): Promise<Server> => {
    const server = createServer((socket) => {
      count += 1;
      socket.on("error", () => undefined);
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    return server;
  };
  const four = await open("127.0.0.1", 0);
  const { port } = four.address() as { port: number };
  const six = await open("::1", port);
  return {
    port,
    reached: () => count,
    close: () => void [four, six].map((one) => one.close()),
  };
}

function server(url: string) {
  const transport = {
    ...{ kind: "http" as const, url, shown: url, ca: undefined },
    ...{ allowLinkLocal: false, sse: false },
    headers: { "X-Secret": "hunter2" },
  };
  const config = { id: "a", enabled: true, transport, limits: {} } as unknown as ServerConfig;
  return [config, transport] as const;
}

const world = (more: object = {}): World =>
  ({
    ...{ config: undefined, problems: [], gateway: { kind: "down" }, history: [], nowMs: 0 },
    note: () => undefined,
    command: (words: string) => `authensor-gw ${words}`,
    ...more,
  }) as unknown as World;

const refused = "is unspecified, which is no server's address";
for (const host of ["0.0.0.0", "0", "[::]", "[::ffff:0.0.0.0]"]) {
  test(`U1 nothing is sent to ${host}, in the gateway's words`, async () => {
    const log = await logger();
    try {
      const url = `http://${host}:${log.port}/mcp`;
      const found = await checkHttpServer(world(), ...server(url));
      expect(found).toMatchObject([
        {
          ...{ code: "GW_SERVER_ROUTE", severity: "error", cause: expect.stringMatching(refused) },
          fix: "correct servers.a.url in the config",
        },
      ]);
      expect(log.reached()).toBe(0);
    } finally {
      log.close();
    }
  });
}

test("U1 a name of a metadata service: its cause, and what would allow it", async () => {
  // Nothing may be dialled here: the address is one that answers for real in a cloud.
  const found = await checkHttpServer(world(), ...server("http://a.test:9/mcp"), async () => [
    "169.254.169.254",
  ]);
  expect(found).toMatchObject([
    {
      code: "GW_SERVER_ROUTE",
      cause: "169.254.169.254 is link-local or cloud metadata (allow_link_local is false)",
      fix: expect.stringContaining("servers.a.allow_link_local to true"),
    },
  ]);
});

test("U2 of a name's addresses only those are dialled that the gateway dials", async () => {
  const log = await logger();
  log.close();
  const url = `http://a.test:${log.port}/mcp`;
  const found = await checkHttpServer(world(), ...server(url), async () => [
    "0.0.0.0",
    "127.0.0.1",
  ]);
  const saw = `"a": 127.0.0.1:${log.port} refused`;
  expect(found).toMatchObject([{ code: "GW_SERVER_REFUSED", saw }]);
});

test("U2 a name that turned inside since the gateway saw it: nothing is sent", async () => {
  const log = await logger();
  const cause =
    "127.0.0.1 is not public, which is no server's address where a.test had public ones before";
  const row = { id: "a", state: "backoff", cause };
  const gateway = { kind: "up", status: { servers: [row] }, live: undefined };
  const turned = world({ gateway });
  try {
    const args = server(`http://a.test:${log.port}/mcp`);
    const found = await checkHttpServer(turned, ...args, async () => ["127.0.0.1"]);
    expect(found).toMatchObject([{ code: "GW_SERVER_ROUTE", cause }]);
    expect(log.reached()).toBe(0);
  } finally {
    log.close();
  }
});

for (const scheme of ["http", "https"]) {
  test(`U2 ${scheme}: a question goes to the address that was checked`, async () => {
    const heard: (string | null)[] = [];
    const server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1" },
      ...(scheme === "https" ? { tls: testCertificate } : {}),
      fetch(request) {
        heard.push(request.headers.get("host"));
        return new Response("{}");
      },
    });
    try {
      const url = `${scheme}://good.test:${server.port}/mcp`;
      const answer = await askHttp({
        ...{ url, body: "{}", address: "127.0.0.1", ca: testCertificate.cert },
      });
      expect(answer.status).toBe(200);
      expect(heard).toEqual([`good.test:${server.port}`]);
    } finally {
      await server.stop(true);
    }
  });
}
