/** `authensor-gw tools list`. */

import { type ListedTool, paths } from "../admin/contract.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { fromGateway, needConfig } from "./context.ts";
import { table } from "./print.ts";

export async function run(call: Invocation): Promise<number> {
  const config = needConfig(call);
  const key = call.options.text("key");
  const tools = await fromGateway(call, config, (client) =>
    client.get<readonly ListedTool[]>(paths.tools, { key }),
  );
  if (call.options.has("json")) {
    for (const tool of tools) call.io.out(JSON.stringify(tool));
  } else if (tools.length === 0) {
    call.io.out("No tools: `authensor-gw status` shows the servers.");
  } else {
    const rows = tools.map((tool) => [
      printable(tool.tool),
      tool.held_back === null ? printable(tool.exposed) : "-",
      tool.held_back === null ? (tool.visible ?? "-") : "held back",
      printable(tool.held_back ?? ""),
    ]);
    call.io.out(table([["TOOL", "NAME FOR AGENTS", key ?? "KEY", ""], ...rows]));
  }
  return 0;
}
