/** Opens the interface on a gateway or on the scripted demo. What main.ts loads, when asked for. */

import process from "node:process";
import type { Source } from "./live.ts";
import { gatewaySource } from "./source.ts";

export interface Opening {
  readonly place:
    | { readonly kind: "gateway"; readonly socket: string; readonly key: string | undefined }
    | { readonly kind: "demo" };
  readonly readOnly: string | undefined;
  readonly colour: boolean;
  readonly ascii: boolean;
  readonly refreshMs: number;
  /** Lines that only come, for screen readers. */
  readonly linear: boolean;
  /** The gateway that was started for this. `ended`: a sentence, when it has. */
  readonly own?: { readonly ended: Promise<string>; stop(): Promise<void> };
}

/** Resolves with the exit code when the reader has left. */
export async function openTui(opening: Opening): Promise<number> {
  // Ink would write a warning over the screen.
  delete process.env["DEV"];
  const { own } = opening;
  if (opening.linear) {
    const { openLinear } = await import("./linear.ts");
    return await openLinear({ ...opening, own, source: await sourceOf(opening) });
  }
  const { openApp } = await import("./app.tsx");
  return await openApp({ ...opening, own, source: await sourceOf(opening) });
}

async function sourceOf({ place }: Opening): Promise<Source & { reconnect?(): void }> {
  if (place.kind === "gateway") return gatewaySource(place.socket, place.key);
  return (await import("./demo.ts")).demoSource();
}
