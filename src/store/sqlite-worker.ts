/** The thread of the embedded store: takes one request at a time, answers each. */

import { parentPort, workerData } from "node:worker_threads";
import { asFault } from "../base/errors.ts";
import { type Engine, type EngineOptions, openEngine } from "./sqlite-engine.ts";
import type { Answer, Ask } from "./sqlite-wire.ts";
import type { FrameBatch } from "./store.ts";

const port = parentPort;
let engine: Engine | undefined;

port?.on("message", (ask: Ask) => {
  const given = answer(ask);
  port.postMessage(given, given.buffer === undefined ? [] : [given.buffer.buffer]);
});
port?.postMessage("ready");

function answer(ask: Ask): Answer {
  const { id } = ask;
  try {
    engine ??= openEngine(workerData as EngineOptions);
    if (ask.call === "ship") {
      const [batch] = ask.values as readonly [FrameBatch];
      engine.ship(batch);
      return { id, buffer: batch.buffer };
    }
    const call = engine[ask.call] as (...values: unknown[]) => unknown;
    return { id, value: call(...ask.values) };
  } catch (thrown) {
    const { code, message, why, fix, data } = asFault(thrown, `The store failed at ${ask.call}`);
    return { id, fault: { code, message, cause: why, fix, data } };
  }
}
