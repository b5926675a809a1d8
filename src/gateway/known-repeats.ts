/** What earlier runs left with an unknown outcome, from the receipts: a restart forgets nothing. */

import { join } from "node:path";
import type { Audit } from "../audit/audit.ts";
import { readSpool } from "../audit/read.ts";
import { causeText } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";
import { createRepeats, isUnsure, type Repeats } from "../call/repeats.ts";
import { receiptId } from "../receipt/chain.ts";
import { decodeBody } from "../receipt/decode.ts";
import type { IntentFields } from "../receipt/model.ts";
import type { Store } from "../store/store.ts";
import type { Config } from "./config-model.ts";

export interface KnownOptions {
  config(): Config;
  readonly store: Store;
  readonly audit: Audit;
  readonly log: Log;
  readonly clock: Clock;
}

interface End {
  readonly chain: string;
  readonly seq: number;
  /** Wall ms. */
  readonly at: number;
  readonly call: IntentFields | undefined;
}

/** The memory of a gateway that starts; calls wait for a moment until it is filled. */
export function knownRepeats(options: KnownOptions): Repeats {
  const repeats = createRepeats(options.clock);
  const reading = readKnown(options, repeats).catch((thrown: unknown) => {
    const why = causeText(thrown);
    options.log.warn("calls that may have run before this start are not known", { why });
  });
  repeats.load(reading);
  return repeats;
}

async function readKnown({ config, store, audit, clock }: KnownOptions, repeats: Repeats) {
  const from = clock.now() - limits.repeatMs;
  const dir = join(config().dataDir, "spool");
  const ends = audit.status().spoolBytes > limits.repeatSpoolBytes ? [] : await inSpool(dir, from);
  for (const end of [...(await inStore(store, from)), ...ends].sort((a, b) => a.at - b.at)) {
    const call = end.call ?? (await storedCall(store, end));
    if (call === undefined || call.method !== "tools/call") continue;
    const server = config().servers.find(({ id }) => id === call.server);
    if (server?.tools[call.tool]?.idempotent === true) continue;
    repeats.remember(call, receiptId(end.chain, end.seq), end.at);
  }
}

async function inSpool(spoolDir: string, from: number): Promise<readonly End[]> {
  const calls = new Map<string, IntentFields>();
  const ends: End[] = [];
  for await (const { chain, seq, body } of readSpool(spoolDir)) {
    const decoded = decodeBody(body);
    if (!decoded.ok) continue;
    const { value } = decoded;
    const { kind, at, fields } = value;
    if (kind === "call" && isUnsure(value.end)) {
      const ended = at + value.end.tookMs;
      if (ended >= from) ends.push({ chain, seq, at: ended, call: fields });
    }
    if (kind === "intent") calls.set(receiptId(chain, seq), fields);
    if (kind !== "outcome") continue;
    const id = receiptId(chain, fields.of);
    if (isUnsure(fields) && at >= from) {
      ends.push({ chain, seq: fields.of, at, call: calls.get(id) });
    }
    calls.delete(id);
  }
  return ends;
}

async function inStore(store: Store, from: number): Promise<readonly End[]> {
  const limit = limits.repeatsRead;
  const rows = [
    ...(await store.receipts({ limit, outcome: "unknown" })),
    ...(await store.receipts({ limit, outcome: "timeout" })),
  ];
  const recent = rows
    .map(({ id, seq, time, took_ms }) => ({ id, seq, at: Date.parse(time) + (took_ms ?? 0) }))
    .filter(({ at }) => at >= from);
  if (recent.length === 0) return [];
  const chains = await store.chains();
  return recent.flatMap(({ id, seq, at }) => {
    const chain = chains.find((one) => receiptId(one, seq) === id);
    return chain === undefined ? [] : [{ chain, seq, at, call: undefined }];
  });
}

async function storedCall(store: Store, { chain, seq }: End): Promise<IntentFields | undefined> {
  const [record] = await store.records(chain, seq, 1);
  const decoded = record?.seq === seq ? decodeBody(record.body) : undefined;
  if (!decoded?.ok) return undefined;
  const { kind, fields } = decoded.value;
  return kind === "intent" || kind === "call" ? fields : undefined;
}
