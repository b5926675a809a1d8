/** The thread of the embedded store: takes one request at a time, answers each. */

import { parentPort, workerData } from "node:worker_threads";
import { asFault } from "../base/errors.ts";
import { type Engine, type EngineOptions, openEngine } from "./sqlite-engine.ts";
import { type Answer, type Ask, unpack } from "./sqlite-wire.ts";

const port = parentPort;
let engine: Engine | undefined;

port?.on("message", (ask: Ask) => {
  port.postMessage(answer(ask));
});
port?.postMessage("ready");

function answer(ask: Ask): Answer {
  try {
    engine ??= openEngine(workerData as EngineOptions);
    return { id: ask.id, value: run(engine, ask) };
  } catch (thrown) {
    const { code, message, why, fix, data } = asFault(thrown, `The store failed at ${ask.call}`);
    return { id: ask.id, fault: { code, message, cause: why, fix, data } };
  }
}

function run(target: Engine, ask: Ask): unknown {
  if (ask.call === "ship") return target.ship(unpack(ask.values[0]));
  const call = target[ask.call] as (...values: unknown[]) => unknown;
  return call(...ask.values);
}
