/** Another proof as a part of this one: its lines are shown, its bars are ours. */

import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { startChild } from "../kit/child.ts";
import type { Proof } from "../kit/proof.ts";

export async function otherProof(
  run: Proof,
  script: string,
  options: Readonly<Record<string, number>>,
): Promise<void> {
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = startChild([process.execPath, join(import.meta.dirname, script), ...flags]);
  let bars = 0;
  const lines = createInterface({ input: child.process.stdout as NodeJS.ReadableStream });
  for await (const line of lines) {
    const [, word, what, figure] = /^(ok|MISS) +(.*): (.*)$/.exec(line) ?? [];
    if (what === undefined) run.say(line.trim());
    else run.bar(what, figure ?? "", word === "ok");
    if (what !== undefined) bars += 1;
  }
  await child.ended;
  // One that broke off has fewer bars, and says why on stderr.
  if (bars === 0) run.bar(script, child.stderr().trim().slice(-500), false);
}
