/**
 * F15: 50 clients all using id 1 and progress token 1 over one stdio server; see interleaved.ts.
 *
 * `--calls N` (10,000; 100,000 with `--full`) changes the length of the run.
 */

import { proof } from "../kit/proof.ts";
import { interleaved } from "./interleaved.ts";

const run = proof("prove:ids");
await interleaved(run, run.option("calls", 10_000, 100_000));
run.end();
