/** The same checks on Bun, in this process, and on Deno, as a program of its own. */

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { runtimeReport } from "./report.ts";

const expected = {
  body: "127.0.0.1:3",
  inUse: "EADDRINUSE",
  unix: "unix",
  refused: "ECONNREFUSED",
  timeout: "ETIMEDOUT",
  good: "HTTP/1.1 200 OK",
  "U24 wrong name": "ERR_TLS_CERT_ALTNAME_INVALID",
  "U24 unknown authority": "DEPTH_ZERO_SELF_SIGNED_CERT",
  "U9 environment": ["A=1"],
  missing: "ENOENT",
  echo: "hello\nworld\n",
  group: "SIGTERM",
};

test("Bun: U9 U10 U24 the adapter keeps its contract", async () => {
  const { tooLarge, fallocate, giveWay, ...report } = await runtimeReport();
  expect(report).toMatchObject({ ...expected, name: "bun" });
  expect(tooLarge).toEqual([413, 413]);
  // The fourth is the folder that ls reads.
  expect(report["U10 descriptors"]).toEqual(["0", "1", "2", "3"]);
  expect(fallocate).toBe(process.platform === "linux");
  expect(giveWay).toBe(process.platform === "linux");
});

test("Deno: U9 U24 the adapter keeps its contract", () => {
  const run = spawnSync("node_modules/.bin/deno", ["run", "-A", "test/runtime/report.ts"], {
    encoding: "utf8",
  });
  expect(run.stderr).toBe("");
  expect(JSON.parse(run.stdout)).toMatchObject({ ...expected, name: "deno" });
}, 30_000);
