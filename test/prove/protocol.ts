/**
 * Nothing reaches whom it does not belong to, whichever era each side speaks: answers, questions,
 * sessions, cursors, states; and one session holds over two gateways.
 *
 * `--calls N` (10,000; 100,000 with `--full`) interleaved calls, `--asking N` (500; 4,000) calls
 * that ask; `--only ids|strangers|attribution|replicas` runs one part.
 */

import process from "node:process";
import { proof } from "../kit/proof.ts";
import { attribution } from "./attribution.ts";
import { interleaved } from "./interleaved.ts";
import { replicas } from "./replicas.ts";
import { strangers } from "./strangers.ts";

// Bun makes 256 requests at once: a thousand calls that wait would leave none for their answers.
if (process.env["BUN_CONFIG_MAX_HTTP_REQUESTS"] === undefined) {
  const env = { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "16384" };
  const again = Bun.spawnSync([process.execPath, ...process.argv.slice(1)], {
    env,
    stdio: ["inherit", "inherit", "inherit"],
  });
  process.exit(again.exitCode);
}

const run = proof("prove:protocol");
const parts: Readonly<Record<string, () => Promise<void>>> = {
  ids: () => interleaved(run, run.option("calls", 10_000, 100_000)),
  strangers: () => strangers(run),
  attribution: () => attribution(run, run.option("asking", 500, 4_000)),
  replicas: () => replicas(run, run.option("turns", 500, 10_000)),
};
const at = process.argv.indexOf("--only");
for (const [name, part] of Object.entries(parts)) {
  if (at < 0 || process.argv[at + 1] === name) await part();
}
run.end();
