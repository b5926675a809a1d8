/** `authensor-gw tools list`. */

import { type ListedItem, type ListedTool, paths } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { fromGateway } from "./context.ts";
import { table } from "./print.ts";
import { needReach } from "./reach.ts";

export async function run(call: Invocation): Promise<number> {
  const kind = kindOf(call);
  const config = await needReach(call);
  const key = call.options.text("key") ?? call.options.text("as");
  if (kind !== "tool") return listItems(call, kind, key);
  const tools = await fromGateway(call, config, (client) =>
    client.get<readonly ListedTool[]>(paths.tools, { key }),
  );
  if (call.options.has("json")) {
    for (const tool of tools) call.io.out(JSON.stringify(tool));
  } else if (tools.length === 0) {
    call.io.out("No tools: `authensor-gw status` shows the servers.");
  } else {
    const rows = tools.map((tool) => [printable(tool.tool), ...cells(tool)]);
    call.io.out(table([["TOOL", "NAME FOR AGENTS", key ?? "KEY", ""], ...rows]));
  }
  return 0;
}

async function listItems(
  call: Invocation,
  kind: Exclude<Kind, "tool">,
  key: string | undefined,
): Promise<number> {
  const all = await fromGateway(call, await needReach(call), (client) =>
    client.get<readonly ListedItem[]>(paths.items, { key }),
  );
  const items = all.filter((item) => kind === "all" || item.kind === kind);
  if (call.options.has("json")) {
    for (const item of items) call.io.out(JSON.stringify(item));
  } else if (items.length === 0) {
    call.io.out("There are none: `authensor-gw status` shows the servers.");
  } else {
    const rows = items.map((item) => [
      ...[item.kind, printable(item.server), printable(item.item)],
      ...cells(item.kind === "prompt" ? item : { ...item, exposed: "-" }),
    ]);
    const head = ["KIND", "SERVER", "ITEM", "NAME FOR AGENTS", key ?? "KEY", ""];
    call.io.out(table([head, ...rows]));
  }
  return 0;
}

type Cells = Pick<ListedTool, "exposed" | "visible" | "held_back">;

function cells({ exposed, visible, held_back }: Cells): readonly string[] {
  return [
    held_back === null ? printable(exposed) : "-",
    held_back === null ? (visible ?? "-") : "held back",
    printable(held_back ?? ""),
  ];
}

type Kind = "tool" | ListedItem["kind"] | "all";
const kinds: readonly Kind[] = ["tool", "prompt", "resource", "template", "all"];

function kindOf(call: Invocation): Kind {
  const text = call.options.text("kind") ?? "tool";
  const kind = kinds.find((one) => one === text);
  if (kind !== undefined) return kind;
  throw fault("GW_USAGE", {
    message: `"${printable(text)}" is no kind`,
    fix: `use one of ${kinds.join(", ")}; all is all but tools`,
  });
}
