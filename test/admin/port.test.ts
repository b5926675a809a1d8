/** `admin.listen`: the admin API on a loopback port of a real gateway, on both runtimes. */

import { describe, expect, test } from "bun:test";
import http from "node:http";
import { paths } from "../../src/admin/contract.ts";
import { freePort } from "../kit/free-port.ts";
import { type Program, startGateway } from "../kit/gateway.ts";

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** node:http: fetch would not let Host be chosen. */
function ask(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path, headers, agent: false };
    const request = http.request(options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on("error", reject);
    request.end(method === "POST" ? "{}" : undefined);
  });
}

/** Opens the event stream; `over` resolves when it ends. */
function stream(port: number, token: string) {
  const begun = Promise.withResolvers<number>();
  const over = Promise.withResolvers<void>();
  const headers = { authorization: `Bearer ${token}` };
  const options = { host: "127.0.0.1", port, path: paths.events, headers, agent: false };
  const request = http.request(options, (response) => {
    response.once("data", () => begun.resolve(response.statusCode ?? 0));
    response.on("close", () => over.resolve());
  });
  request.on("error", () => over.resolve());
  request.end();
  return { begun: begun.promise, over: over.promise, close: () => request.destroy() };
}

for (const program of ["bun", "deno"] as readonly Program[]) {
  test(`${program}: reads with a viewer's key, acts with an operator's, from our names`, async () => {
    const port = await freePort();
    await using gateway = await startGateway({
      program,
      config: { admin: { socket: "admin.sock", listen: `localhost:${port}` } },
    });
    const viewer = await gateway.key("viewer", "looks");
    const operator = await gateway.key("operator", "ops");
    const by = (token: string) => ({ authorization: `Bearer ${token}` });
    const cases: readonly (readonly [string, string, Record<string, string>, number])[] = [
      ["GET", paths.status, {}, 401],
      ["GET", paths.events, {}, 401],
      ["POST", paths.keys, {}, 401],
      ["GET", paths.status, by(viewer), 200],
      ["GET", paths.snapshot, by(viewer), 200],
      ["POST", paths.serverRetry, by(viewer), 403],
      ["POST", paths.serverRetry, by(operator), 422],
      ["GET", paths.status, by(await gateway.key("executor", "agent")), 403],
      // A web page whose name was bent to this machine (F1 to F3).
      ["GET", paths.status, { ...by(viewer), host: `evil.example:${port}` }, 403],
      ["GET", paths.status, { ...by(viewer), origin: "http://evil.example" }, 403],
      ["POST", "/mcp", by(viewer), 404],
    ];
    for (const [method, path, headers, status] of cases) {
      const found = await ask(port, method, path, headers);
      expect([method, path, headers["host"] ?? "", found.status]).toEqual([
        method,
        path,
        headers["host"] ?? "",
        status,
      ]);
    }
    const bent = await ask(port, "GET", paths.status, { host: `evil.example:${port}` });
    expect(JSON.parse(bent.body).error.fix).toContain("the port of `admin.listen`");
    // The MCP port is no way to the admin API, nor is the admin port a name of the MCP door.
    expect((await ask(gateway.port, "GET", paths.status, by(viewer))).status).toBe(404);
    const other = await ask(gateway.port, "GET", "/health", { host: `localhost:${port}` });
    expect(other.status).toBe(403);

    const watch = stream(port, viewer);
    expect(await watch.begun).toBe(200);
    expect((await gateway.cli("keys", "revoke", "looks")).code).toBe(0);
    await watch.over;
  }, 30_000);
}

describe("a config", () => {
  test("that would let other machines in is refused", async () => {
    const admin = { socket: "admin.sock", listen: "0.0.0.0:0" };
    await using gateway = await startGateway({
      expectFailure: true,
      program: "bun",
      config: { admin },
    });
    expect(await gateway.child().ended).toBe(78);
    expect(gateway.stderr()).toContain('"admin.listen" is "0.0.0.0"');
  }, 20_000);

  test("whose admin port is taken is told by check and by the start", async () => {
    const port = await freePort();
    const holder = Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response("") });
    const admin = { socket: "admin.sock", listen: `127.0.0.1:${port}` };
    await using gateway = await startGateway({
      expectFailure: true,
      program: "bun",
      config: { admin },
    });
    expect(await gateway.child().ended).toBe(69);
    const checked = await gateway.cli("check");
    expect([checked.code, checked.stderr + checked.stdout]).toEqual([
      69,
      expect.stringContaining("set `admin.listen` to another port"),
    ]);
    await holder.stop(true);
  }, 20_000);
});
