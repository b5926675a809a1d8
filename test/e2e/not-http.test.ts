/** What is no HTTP request, at the binary's door: the client is told, and so is doctor. */

import { expect, test } from "bun:test";
import { connect } from "node:net";
import { startGateway } from "../kit/gateway.ts";

const host = "Host: localhost";
const rows: readonly [name: string, sent: string, status: number, code: string, cause: RegExp][] = [
  ["TLS at a plain port", "\x16\x03\x01\x02\x00\x01", 400, "GW_HTTP", /speaks TLS/],
  [
    "two framings",
    `POST /mcp HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\n${"Transfer-Encoding: chunked"}\r\n\r\n`,
    400,
    "GW_HTTP",
    /both Content-Length/,
  ],
  ["HTTP/2 by itself", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "GW_HTTP", /only HTTP\/1\.1/],
  [
    "headers without end",
    `GET / HTTP/1.1\r\n${"x: y\r\n".repeat(4000)}`,
    431,
    "GW_HEADERS_TOO_LARGE",
    /large/,
  ],
];

test("F27 R5 what is no request is refused with a code, its cause and a fix; doctor knows it", async () => {
  await using gateway = await startGateway({ config: {}, policy: 'id: p\nallow: ["*"]\n' });
  // Made by what is behind the doors: it is there then, and notes what was refused.
  await gateway.key("executor");
  for (const [name, sent, status, code, cause] of rows) {
    const answer = await said(gateway.port, sent);
    const [head = "", body = ""] = answer.split("\r\n\r\n", 2);
    const { error } = JSON.parse(body) as { error: Record<"code" | "cause" | "fix", string> };
    expect([name, head.slice(0, 12), error.code]).toEqual([name, `HTTP/1.1 ${status}`, code]);
    expect(error.cause).toMatch(cause);
    expect(error.fix).not.toBe("");
    expect(head).toContain("connection: close");
  }
  let told = "";
  for (let tries = 0; tries < 20 && !told.includes("GW_HEADERS_TOO_LARGE"); tries += 1) {
    await Bun.sleep(500);
    told = (await gateway.cli("doctor", "--since", "5m", "--json")).stdout;
  }
  expect(told).toContain("GW_HTTP");
  expect(told).toContain("GW_HEADERS_TOO_LARGE");
}, 60_000);

/** All that comes until the other end is done. */
function said(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    connect(port, "127.0.0.1")
      .on("data", (chunk) => {
        answer += chunk;
      })
      .on("end", () => resolve(answer))
      .on("error", reject)
      .write(text, "latin1");
  });
}
