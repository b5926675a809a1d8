/** Whose secret reaches whom: the agent's own token goes to no server, a server's to it alone. */

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type FaultServer, faultServer, json, okResult } from "../kit/fault-server.ts";
import { startGateway } from "../kit/gateway.ts";

const script = join(import.meta.dirname, "../kit/servers/canary.ts");
const inputSchema = { type: "object", properties: {} };

function toolServer(session?: () => string): Promise<FaultServer> {
  return faultServer(
    (socket, request) => {
      const { id, method } = request;
      const tools = [{ name: "take", inputSchema }];
      const result = { resultType: "complete", tools, ttlMs: 0, cacheScope: "private" };
      const listed = { jsonrpc: "2.0", id, result };
      socket.write(json(method === "tools/list" ? listed : okResult(request)));
    },
    { handles: ["tools/list", "tools/call"], ...(session && { session }) },
  );
}

test("U8 planted secrets: each server sees its own, none the agent's token or cookies", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gw-secrets-"));
  const file = join(folder, "io");
  const modern = await toolServer();
  const legacy = await toolServer(() => "their-session");
  const secrets = {
    modern: "modern-canary-5f1d",
    legacy: "legacy-canary-77aa",
    io: "io-canary-91c2",
  };
  const header = (secret: string) => ({ Authorization: `Bearer ${secret}` });
  const command = [process.execPath, script, file, "stdio"];
  await using gateway = await startGateway({
    policy: 'id: t\nallow: ["*"]\n',
    config: {
      servers: {
        modern: { url: modern.url, headers: header(secrets.modern) },
        legacy: { url: legacy.url, headers: header(secrets.legacy) },
        io: { command, env: { IO_TOKEN: secrets.io }, protocol: "legacy" },
      },
    },
  });
  const token = await gateway.key("executor");
  const own = { cookie: "sid=cookie-canary-3b", "x-api-key": "key-canary-4c" };
  const ask = async (method: string, params: object, name?: string) => {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const answer = await fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: {
        ...{ ...own, authorization: `Bearer ${token}`, "mcp-method": method },
        ...{ "content-type": "application/json", accept: "application/json, text/event-stream" },
        ...{ "mcp-protocol-version": "2026-07-28", ...(name && { "mcp-name": name }) },
        ...{ "x-forwarded-for": "forwarded-canary-5d", "proxy-authorization": "proxy-canary-6e" },
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }),
    });
    return answer.text();
  };
  for (let n = 0; n < 100 && !(await ask("tools/list", {})).includes("io__take"); n += 1) {
    await Bun.sleep(50);
  }
  for (const server of ["modern", "legacy", "io"]) {
    const name = `${server}__take`;
    expect(await ask("tools/call", { name, arguments: {} }, name)).not.toContain("isError");
  }
  const texts = {
    modern: modern.requests.map(({ head, body }) => head + body).join("\n"),
    legacy: legacy.requests.map(({ head, body }) => head + body).join("\n"),
    io: readFileSync(file, "utf8"),
  };
  for (const [server, text] of Object.entries(texts)) {
    expect(text).toContain("tools/call");
    const mine = Object.keys(secrets).filter((of) => text.includes(secrets[of as "io"]));
    // The child has its own in its environment, which it does not write down.
    expect(mine).toEqual(server === "io" ? [] : [server]);
    for (const foreign of [token, ...["cookie", "key", "forwarded", "proxy"]]) {
      expect(text).not.toContain(foreign === token ? token : `${foreign}-canary`);
    }
  }
  const kept = ["modern", "legacy", "io"].map((id) =>
    readFileSync(join(gateway.folder, "data/lists", `${id}.tools-list`), "utf8"),
  );
  for (const secret of [token, ...Object.values(secrets)]) {
    expect(kept.join("")).not.toContain(secret);
    expect(gateway.stderr()).not.toContain(secret);
  }
  await Promise.all([modern.close(), legacy.close()]);
  rmSync(folder, { recursive: true, force: true });
}, 30_000);
