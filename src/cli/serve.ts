/** `authensor-gw serve`: runs the gateway until it is told to stop. */

import process from "node:process";
import { asFault, fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { version } from "../base/version.ts";
import { loadWith } from "../gateway/config-load.ts";
import type { Config } from "../gateway/config-model.ts";
import { parsePlain } from "../gateway/config-plain.ts";
import { durationMs } from "../gateway/config-units.ts";
import type { Invocation } from "./command.ts";

export async function run(call: Invocation): Promise<number> {
  const config = await startConfig(call);
  const { serve } = await import("../gateway/serve.ts");
  const acceptStoreChange = call.options.has("accept-store-change");
  // Before the start: a signal that comes meanwhile would end the process and leave children.
  let early = false;
  let reload = () => {
    early = true;
  };
  if (process.platform !== "win32") process.on("SIGHUP", () => reload());
  const stopped = stopSignal();
  const idleExitMs = idleOption(call);
  const running = await serve({
    ...{ config, version, acceptStoreChange },
    ...(idleExitMs === undefined ? {} : { idleExitMs }),
  });
  reload = () => {
    // Logged where it failed; the old policy stays in force.
    running.reload().catch(() => undefined);
  };
  if (early) reload();
  await Promise.race([stopped, running.idle]);
  try {
    await running.stop();
  } catch (thrown) {
    const error = asFault(thrown, "Cannot stop in order");
    // A disk that hangs would keep it here for as long; and on its way out the runtime closes the
    // lock of data_dir, where something may still be written (A6).
    call.io.leave?.(error.spec.exit, error.data["pending"] === true);
    throw error;
  }
  // What still waits for a name would keep it here.
  call.io.leave?.(0);
  return 0;
}

function idleOption({ options }: Invocation): number | undefined {
  const text = options.text("idle-exit");
  if (text === undefined) return undefined;
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  const message = `"${printable(text)}" of --idle-exit is no duration`;
  throw fault("GW_USAGE", { message, fix: "write one like 60s or 10m" });
}

/** An everyday config by the quick reader; what it leaves, and every problem, by the full one. */
async function startConfig(call: Invocation): Promise<Config> {
  const { env, cwd } = call.io;
  const quick = loadWith({ path: call.options.text("config"), env, cwd }, parsePlain);
  if (quick.ok) return quick.value.config;
  return (await import("./context.ts")).needConfig(call, true);
}

/** The first signal lets calls end; a second one does not wait. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
        asked = true;
        resolve();
      });
    }
  });
}
