/** `authensor-gw serve`: runs the gateway until it is told to stop. */

import process from "node:process";
import { version } from "../base/version.ts";
import type { Invocation } from "./command.ts";
import { needConfig } from "./context.ts";

export async function run(call: Invocation): Promise<number> {
  const config = needConfig(call);
  const { serve } = await import("../gateway/serve.ts");
  const acceptStoreChange = call.options.has("accept-store-change");
  const running = await serve({ config, version, acceptStoreChange });
  const reload = () => {
    // What is wrong with the policy is said where it is typed; the old one stays in force.
    running.reload().catch((thrown: unknown) => call.io.err(String(thrown)));
  };
  if (process.platform !== "win32") process.on("SIGHUP", reload);
  await stopSignal();
  await running.stop();
  return 0;
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
