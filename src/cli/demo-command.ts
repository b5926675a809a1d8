/** `authensor-gw demo`: see demo.ts. */

import { fault } from "../base/errors.ts";
import type { Invocation } from "./command.ts";

export async function run(call: Invocation): Promise<number> {
  const { options, io } = call;
  if (options.has("tui")) {
    const { runDemoTui } = await import("./demo-tui.ts");
    return await runDemoTui(call, portOf(options.text("port") ?? "3100"));
  }
  if (options.has("stay")) {
    const { runDemoStay } = await import("./demo-stay.ts");
    return await runDemoStay(io.out, portOf(options.text("port") ?? "3100"));
  }
  const { runDemo } = await import("./demo.ts");
  return await runDemo(io.out);
}

/** 0 is any free port. */
function portOf(text: string): number {
  const port = Number(text);
  if (text !== "" && Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  const message = `--port "${text}" is not a port`;
  throw fault("GW_USAGE", { message, fix: "give a number from 0 (any free one) to 65535" });
}
