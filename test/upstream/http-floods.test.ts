/** HTTP servers that send far more than they say: what it costs the gateway. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import process from "node:process";

test("R10 an answer in chunks of one byte costs little more than its bytes", async () => {
  const run = Bun.spawn([process.execPath, join(import.meta.dir, "../kit/crumbs-run.ts")]);
  const { crumbs, rssBytes } = await new Response(run.stdout).json();
  expect(crumbs).toBe(2_000_000);
  // A view of each would be 100 bytes and more, 200 MB.
  expect(rssBytes).toBeLessThan(64 * 1024 * 1024);
}, 60_000);
