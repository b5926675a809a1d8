/**
 * Looks up names with a name server that never answers, given as a port, and writes to a file
 * meanwhile: {"codes", "worstWriteMs", "localhost"}.
 */

import dns from "node:dns";
import { closeSync, mkdtempSync, openSync, rmSync, write } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { bunRuntime } from "../../src/runtime/bun.ts";

const folder = mkdtempSync(join(tmpdir(), "gw-names-"));
const file = openSync(join(folder, "written"), "w");
const { lookup } = bunRuntime;

const localhost = await lookup("localhost");
dns.setServers([`127.0.0.1:${process.argv[2]}`]);
const looks = Array.from({ length: 8 }, (_, at) =>
  lookup(`name${at}.example.com`).then(
    () => "found",
    (thrown) => thrown.code,
  ),
);
let over = false;
const codes = Promise.all(looks).finally(() => {
  over = true;
});
let worstWriteMs = 0;
while (!over) {
  const began = performance.now();
  await new Promise((resolve) => write(file, Buffer.alloc(16), 0, 16, 0, resolve));
  worstWriteMs = Math.max(worstWriteMs, performance.now() - began);
  await Bun.sleep(10);
}
closeSync(file);
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ codes: await codes, worstWriteMs, localhost }));
// What c-ares still waits for would keep it alive.
process.exit();
