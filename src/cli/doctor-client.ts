/** `authensor-gw doctor client FILE`: an agent's own config. */

import path from "node:path";
import { templates } from "../../policies/index.ts";
import type { Invocation } from "./command.ts";
import { commandLine } from "./command-line.ts";
import { agentKey, readBoth, show } from "./doctor.ts";

/** Exit 0 it leads to the gateway and gets in, 1 findings. */
export async function run(call: Invocation): Promise<number> {
  const { io } = call;
  const file = path.resolve(io.cwd, call.args[0] ?? "");
  const { examineClient } = await import("../doctor/doctor.ts");
  const report = await examineClient(
    {
      ...(await readBoth(call)),
      env: io.env,
      agentKey: agentKey(call),
      key: undefined,
      server: undefined,
      sinceMs: 0,
      command: commandLine(call),
    },
    { file, cwd: io.cwd, policies: templates.map(({ name }) => name) },
  );
  return show(call, report);
}
