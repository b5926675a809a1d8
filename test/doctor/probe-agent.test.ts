/** What is said where no HTTP comes back: the wrong scheme, a certificate, or silence. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo, type Server } from "node:net";
import { probeAgent } from "../../src/doctor/probe-agent.ts";
import { testCertificate } from "../kit/certificate.ts";

const answer: http.RequestListener = (_, response) => response.end("{}");
const plain = http.createServer(answer);
const secure = https.createServer(testCertificate, answer);
const breaks = net.createServer((socket) => socket.once("data", () => socket.destroy()));
/** An MCP server of 2025-11-25 that is no gateway; no session, so 400 to all but a handshake. */
const stranger = http.createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const { id, method } = JSON.parse(body || "{}");
  const result = {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "everything", version: "1" },
  };
  const isHello = method === "initialize";
  response.writeHead(isHello ? 200 : 400, { "content-type": "application/json" });
  const error = { code: -32000, message: "Bad Request: No valid session ID provided" };
  response.end(JSON.stringify({ jsonrpc: "2.0", id, ...(isHello ? { result } : { error }) }));
});
const closed = http.createServer((_, response) => response.writeHead(401).end("who are you?"));
const servers: readonly Server[] = [plain, secure, breaks, stranger, closed];

beforeAll(() =>
  Promise.all(
    servers.map((server) => new Promise<void>((up) => server.listen(0, "127.0.0.1", up))),
  ),
);
afterAll(() => {
  for (const server of servers) server.close();
});

async function found(scheme: string, server: Server) {
  const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const keyFix = async () => "";
  const of = 'entry "gateway" of c.json';
  const home = "http://localhost:3141/mcp";
  const asked = { url, headers: {}, anyCertificate: false, of, home, keyFix };
  const { findings } = await probeAgent(asked);
  const other = url.replace(/^https?/, scheme === "http" ? "https" : "http");
  return { url, other, findings };
}

test("https:// to a port without TLS: the other scheme, and no process is to be ended", async () => {
  const { url, other, findings } = await found("https", plain);
  expect(findings).toEqual([
    {
      ...{ link: "agent", severity: "error", code: "GW_CLIENT_CONFIG", since: "" },
      saw: `entry "gateway" of c.json: ${url} is written with https://`,
      cause: "this port speaks no TLS",
      effect: "the agent cannot connect",
      fix: `write ${other} in the agent's config`,
    },
  ]);
});

test("http:// to a port with TLS: the other scheme", async () => {
  const { other, findings } = await found("http", secure);
  expect(findings).toMatchObject([
    {
      code: "GW_CLIENT_CONFIG",
      cause: "this port speaks TLS",
      fix: `write ${other} in the agent's config`,
    },
  ]);
});

test("a certificate that is not taken is no silence", async () => {
  const { findings } = await found("https", secure);
  expect(findings).toMatchObject([
    {
      code: "GW_TLS",
      saw: expect.stringMatching(/SELF_SIGNED_CERT$/),
      fix: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    },
  ]);
});

test("a connection that breaks is silence, in clear and where TLS does not answer", async () => {
  const { findings } = await found("http", breaks);
  expect(findings).toMatchObject([{ code: "GW_SILENT" }]);
});

test("another MCP server: one finding, of the URL and not of the gateway", async () => {
  const { url, findings } = await found("http", stranger);
  expect(findings).toMatchObject([
    {
      code: "GW_CLIENT_CONFIG",
      saw: `entry "gateway" of c.json: ${url} is an MCP server ("everything"), but not this gateway`,
      fix: "write http://localhost:3141/mcp",
    },
  ]);
});

test("another program, whether it lets one in or not: one finding, of the URL", async () => {
  for (const [server, status] of [
    [plain, 200],
    [closed, 401],
  ] as const) {
    const { url, findings } = await found("http", server);
    const saw = `entry "gateway" of c.json: ${url} answers HTTP ${status}, and not as this gateway`;
    expect(findings).toMatchObject([{ code: "GW_CLIENT_CONFIG" }]);
    expect(findings[0]?.saw).toContain(saw);
  }
});
