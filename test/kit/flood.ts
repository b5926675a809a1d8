/** Of test/kit/servers/flood.ts: how it is told to flood, and how it is started. */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { startChild } from "./child.ts";

export interface Flood {
  readonly count: number;
  readonly kind: "progress" | "message";
  /** As Python writes JSON by default. */
  readonly spaced?: boolean;
  /** In an order of members that nobody uses. */
  readonly odd?: boolean;
  readonly everyMs?: number;
}

const script = fileURLToPath(new URL("./servers/flood.ts", import.meta.url));

export const floodCommand: readonly string[] = [process.execPath, script, "stdio"];

export async function floodServer(): Promise<{ url: string; stop(): Promise<unknown> }> {
  const child = startChild([process.execPath, script, "http"]);
  const [url] = await child.says(/http:\S+/);
  return { url, stop: () => child.stop() };
}
