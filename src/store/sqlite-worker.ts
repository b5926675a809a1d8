/** The thread of the embedded store: takes one request at a time, answers each. */

import { parentPort, workerData } from "node:worker_threads";
import { asFault } from "../base/errors.ts";
import { type Engine, type EngineOptions, openEngine } from "./sqlite-engine.ts";
import type { Answer, Ask, SentBatch } from "./sqlite-wire.ts";

const port = parentPort;
let engine: Engine | undefined;
let kept: Uint8Array = new Uint8Array();

port?.on("message", (ask: Ask) => {
  port.postMessage(answer(ask));
});
port?.postMessage("ready");

function answer(ask: Ask): Answer {
  const { id } = ask;
  try {
    engine ??= openEngine(workerData as EngineOptions);
    if (ask.call === "ship") {
      const [batch] = ask.values as readonly [SentBatch];
      const { buffer = kept } = batch;
      if (batch.kept) kept = buffer;
      engine.ship({ ...batch, buffer });
      return { id };
    }
    const call = engine[ask.call] as (...values: unknown[]) => unknown;
    return { id, value: call(...ask.values) };
  } catch (thrown) {
    const { code, message, why, fix, data } = asFault(thrown, `The store failed at ${ask.call}`);
    return { id, fault: { code, message, cause: why, fix, data } };
  }
}
