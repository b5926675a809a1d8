import type { Runtime } from "./runtime.ts";

/** The runtime this program runs on; the other one's adapter is never loaded. */
export async function currentRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) return (await import("./bun.ts")).bunRuntime;
  if ("Deno" in globalThis) return (await import("./deno.ts")).denoRuntime;
  throw new Error("authensor-gw runs on Bun or Deno");
}
