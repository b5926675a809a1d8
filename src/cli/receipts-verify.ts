/** `authensor-gw receipts verify`: exit 0 well, 1 tampered, 2 incomplete. */

import { existsSync } from "node:fs";
import path from "node:path";
import { fault } from "../base/errors.ts";
import { needOpen } from "../gateway/data-dir.ts";
import { verifyConfig, verifyCopy } from "../gateway/offline-receipts.ts";
import type { Verified } from "../gateway/verify.ts";
import type { Invocation } from "./command.ts";
import { needConfig, needDatabase, storePlace } from "./context.ts";
import { counted } from "./words.ts";

export async function run(call: Invocation): Promise<number> {
  const dir = call.options.text("dir");
  const report = dir === undefined ? await ofConfig(call) : await ofCopy(call, dir);
  const { ok, missing } = report;
  // Whoever asks for `ok` alone is not to take what could not be looked at for well.
  const json = { ...report, ok: ok && missing.length === 0 };
  if (call.options.has("json")) call.io.out(JSON.stringify(json));
  else for (const line of reportLines(report)) call.io.out(line);
  if (!ok) return 1;
  return missing.length > 0 ? 2 : 0;
}

async function ofConfig(call: Invocation): Promise<Verified> {
  const config = needConfig(call);
  needDatabase(call, config);
  call.io.err(`→ store ${storePlace(config)}, read directly`);
  return await verifyConfig(config);
}

async function ofCopy(call: Invocation, dir: string): Promise<Verified> {
  const full = path.resolve(call.io.cwd, dir);
  needOpen(full);
  const isCopy = ["spool", "store.db"].some((name) => existsSync(path.join(full, name)));
  if (isCopy) return await verifyCopy(full);
  const fix = "name a folder that holds spool/ or store.db";
  throw fault("GW_USAGE", { message: `"${full}" is no copy of a data_dir`, fix });
}

function reportLines({ ok, bad, records, chains, missing }: Verified): string[] {
  const lines: string[] = [];
  if (bad !== undefined) {
    lines.push(`TAMPERED: chain ${bad.chain}, seq ${bad.seq}: ${bad.why}`);
    lines.push(`Records read before it, and well: ${records}.`);
  }
  for (const one of missing) lines.push(`INCOMPLETE: ${one}`);
  if (ok) {
    const sum = (pick: (chain: (typeof chains)[number]) => number) =>
      chains.reduce((total, chain) => total + pick(chain), 0);
    const read = `${counted(records, "record")} in ${counted(chains.length, "chain")}`;
    const calls = counted(
      sum((chain) => chain.intents),
      "call",
    );
    const refused = sum((chain) => chain.refusals);
    const part = records > 0 ? "What is here is well" : "Nothing was there to verify";
    const word = missing.length > 0 ? part : "Well";
    lines.push(`${word}: ${read}, ${calls}, ${refused} refused`);
    const running = sum((chain) => chain.running);
    if (running > 0) lines.push(`Without an outcome yet: ${counted(running, "call")}.`);
    const lost = sum((chain) => chain.lostBytes);
    if (lost > 0) {
      lines.push(
        `After crashes, ${counted(lost, "byte")} at the end of the spool did not check and ` +
          "went: written but never acknowledged, or changed.",
      );
    }
  }
  return lines;
}
