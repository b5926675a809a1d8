/** `authensor-gw demo`: see demo.ts. */

import type { Invocation } from "./command.ts";

export async function run({ options, io }: Invocation): Promise<number> {
  if (options.has("stay")) return (await import("./demo-stay.ts")).runDemoStay(io.out);
  const { runDemo } = await import("./demo.ts");
  return await runDemo(io.out);
}
