/** `authensor-gw version`. */

import process from "node:process";
import { commit, version } from "../base/version.ts";
import type { Invocation } from "./command.ts";

export async function run({ options, io }: Invocation): Promise<number> {
  const runtime = process.versions["bun"] ? "bun" : process.versions["deno"] ? "deno" : "node";
  const runtimeVersion = process.versions[runtime] ?? "";
  const platform = `${process.platform}-${process.arch}`;
  const facts = { version, commit, runtime, runtime_version: runtimeVersion, platform };
  io.out(
    options.has("json")
      ? JSON.stringify(facts)
      : `authensor-gw ${version} (${commit}) ${runtime} ${runtimeVersion} ${platform}`,
  );
  return 0;
}
