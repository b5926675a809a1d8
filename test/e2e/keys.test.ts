/** Keys through the real gateway: refusals, roles, revocation, a database that is away (F11). */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { startPostgres, type TestPostgres } from "../kit/postgres.ts";
import { echo } from "../kit/servers.ts";
import { type RawResponse, rawHttp } from "./raw.ts";

const policy = 'id: p\nallow: ["e/*"]\n';
const config = { servers: { e: echo() } };

const initialize = JSON.stringify({
  ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "raw", version: "1" },
  },
});

function hello(gateway: TestGateway, authorization: string | undefined): Promise<RawResponse> {
  const headers: [string, string][] = [
    ["Host", `127.0.0.1:${gateway.port}`],
    ["Content-Type", "application/json"],
    ["Accept", "application/json, text/event-stream"],
  ];
  if (authorization !== undefined) headers.push(["Authorization", authorization]);
  return rawHttp({ port: gateway.port, headers, body: initialize });
}

const status = async (gateway: TestGateway, token: string) =>
  (await hello(gateway, `Bearer ${token}`)).status;

/** Milliseconds until the key gets this status. */
async function until(gateway: TestGateway, token: string, wanted: number): Promise<number> {
  const began = performance.now();
  while ((await status(gateway, token)) !== wanted) {
    if (performance.now() - began > 10_000) throw new Error(`no ${wanted} in 10 s`);
    await Bun.sleep(10);
  }
  return performance.now() - began;
}

describe("with the embedded store", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ policy, config });
  }, 30_000);
  afterAll(async () => await gateway?.[Symbol.asyncDispose]());

  test("a refusal says its code in the challenge and in the body", async () => {
    const cases = [
      [undefined, "GW_KEY_MISSING"],
      ["Basic YTpi", "GW_KEY_UNKNOWN", "GW_KEY_UNKNOWN: The Authorization header is not `Bearer"],
      [`Bearer agw_${"A".repeat(43)}`, "GW_KEY_UNKNOWN", "GW_KEY_UNKNOWN: No key has this token"],
    ] as const;
    for (const [authorization, code, said = code] of cases) {
      const answer = await hello(gateway, authorization);
      expect(answer.status).toBe(401);
      const challenge = answer.headers.get("www-authenticate") ?? "";
      expect(challenge).toMatch(/^Bearer error="invalid_token", error_description="[^"]+"$/);
      expect(challenge).toContain(`error_description="${code}: `);
      expect(challenge).toContain(said);
      expect(answer.headers.get("content-type")).toContain("application/json");
      const { error } = JSON.parse(answer.body);
      expect([error.code, typeof error.message, typeof error.fix]).toEqual([
        code,
        "string",
        "string",
      ]);
    }
  });

  test("OAuth paths answer 404 with JSON that says what to do", async () => {
    for (const path of [
      "/.well-known/oauth-protected-resource",
      "/.well-known/oauth-protected-resource/mcp",
      "/.well-known/oauth-authorization-server",
      "/.well-known/openid-configuration",
      "/.well-known/openid-configuration/mcp",
      "/register",
    ]) {
      for (const method of ["GET", "POST"]) {
        const answer = await fetch(`${gateway.url}${path}`, { method });
        const body = (await answer.json()) as { error: { code: string; message: string } };
        expect([path, answer.status, body.error.code]).toEqual([path, 404, "GW_NO_OAUTH"]);
        expect(body.error.message).toContain("API keys");
      }
    }
  });

  test("only executor keys may call /mcp", async () => {
    const verdicts: Record<string, number> = {};
    for (const role of ["executor", "viewer", "operator", "admin"]) {
      const answer = await hello(gateway, `Bearer ${await gateway.key(role, `matrix-${role}`)}`);
      verdicts[role] = answer.status;
      if (role !== "executor") expect(answer.body).toContain("GW_ROLE");
    }
    expect(verdicts).toEqual({ executor: 200, viewer: 403, operator: 403, admin: 403 });
  });

  test("F11 a revoked key is refused within 1 s and its stream ends", async () => {
    const token = await gateway.key("executor", "gone");
    const opened = await hello(gateway, `Bearer ${token}`);
    const session = opened.headers.get("mcp-session-id") ?? "";
    const authorization = `Bearer ${token}`;
    const headers = { authorization, accept: "text/event-stream", "mcp-session-id": session };
    const stream = await fetch(`${gateway.url}/mcp`, { headers });
    expect(stream.status).toBe(200);
    const began = performance.now();
    const ended = stream.text().then(() => performance.now() - began);
    const revoked = gateway.cli("keys", "revoke", "gone");
    await until(gateway, token, 401);
    expect((await revoked).code).toBe(0);
    // The command itself takes part of this time.
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(await ended).toBeLessThan(1_000);
    expect((await hello(gateway, authorization)).body).toContain("GW_KEY_REVOKED");
  });

  test("a key with a time ends by itself, and says so", async () => {
    const args = ["keys", "create", "--role", "executor", "--name", "brief", "--json"];
    const made = await gateway.cli(...args, "--expires", "1s");
    const token: string = JSON.parse(made.stdout).token;
    expect(await status(gateway, token)).toBe(200);
    await until(gateway, token, 401);
    const answer = await hello(gateway, `Bearer ${token}`);
    expect(answer.headers.get("www-authenticate")).toContain("GW_KEY_EXPIRED");
  });
});

describe("with Postgres", () => {
  let postgres: TestPostgres;
  let gateway: TestGateway;
  beforeAll(async () => {
    postgres = await startPostgres();
    gateway = await startGateway({
      policy,
      config: { ...config, database: { url: postgres.adminUrl } },
    });
  }, 60_000);
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await postgres?.stop();
  }, 30_000);

  test("F11 revoked while Postgres is away: refused, also after a restart", async () => {
    const kept = await gateway.key("executor", "kept");
    const gone = await gateway.key("executor", "gone");
    await postgres.kill();
    const began = performance.now();
    const revoking = gateway.cli("keys", "revoke", "gone");
    await until(gateway, gone, 401);
    expect(performance.now() - began).toBeLessThan(1_000);
    const revoked = await revoking;
    expect([revoked.code, revoked.stderr]).toEqual([0, expect.any(String)]);
    for (const end of ["stop", "kill9"] as const) {
      await gateway[end]();
      await gateway.restart();
      expect([end, await status(gateway, gone), await status(gateway, kept)]).toEqual([
        end,
        401,
        200,
      ]);
    }
    const ready = await fetch(`${gateway.url}/ready`);
    expect(await ready.text()).toContain("stale");

    await postgres.restart();
    for (let tries = 0; tries < 200; tries++) {
      if (!(await (await fetch(`${gateway.url}/ready`)).text()).includes("stale")) break;
      await Bun.sleep(50);
    }
    expect([await status(gateway, gone), await status(gateway, kept)]).toEqual([401, 200]);
    await gateway.stop();
    await gateway.restart();
    expect(await status(gateway, gone)).toBe(401);
  }, 60_000);

  test("down at start without a snapshot: 503 for everybody, until it is back", async () => {
    const token = await gateway.key("executor", "later");
    await gateway.stop();
    await postgres.shutdown();
    rmSync(join(gateway.folder, "data/keys.snapshot"));
    await gateway.restart();
    for (const one of [token, `agw_${"A".repeat(43)}`]) {
      const answer = await hello(gateway, `Bearer ${one}`);
      expect([answer.status, answer.body]).toEqual([
        503,
        expect.stringContaining("GW_KEYS_UNAVAILABLE"),
      ]);
      expect(answer.headers.get("retry-after")).not.toBeNull();
    }
    expect((await fetch(`${gateway.url}/ready`)).status).toBe(503);
    await postgres.restart();
    await until(gateway, token, 200);
  }, 60_000);
});
