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
const servers: readonly Server[] = [plain, secure, breaks];

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
  const { findings } = await probeAgent({ url, headers: {}, anyCertificate: false, of, keyFix });
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
