/** `authensor-gw tools why`: exit 0 visible, 1 not. */

import type { AdminClient } from "../admin/client.ts";
import { type ItemWhy, paths, type ToolWhy } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { fromGateway } from "./context.ts";
import { needReach } from "./reach.ts";
import { needTarget } from "./target.ts";

export async function run(call: Invocation): Promise<number> {
  const given = call.args[0] ?? "";
  const isUri = hasScheme(given);
  const target = isUri ? given : needTarget(given);
  const key = call.options.text("as") ?? call.options.text("key");
  if (key === undefined) {
    const fix = `authensor-gw tools why ${target} --as KEY`;
    throw fault("GW_USAGE", { message: '"tools why" needs --as', fix });
  }
  const config = await needReach(call);
  const why = await fromGateway(call, config, (client) => whyOf(client, target, isUri, key));
  const word = why.visible ? "visible" : "not visible";
  call.io.out(
    call.options.has("json")
      ? JSON.stringify(why)
      : `${printable(target)} is ${word} to ${printable(key)}: ${printable(why.why)}`,
  );
  return why.visible ? 0 : 1;
}

/** A name that is no tool may be a prompt's; what is neither is told of as a tool. */
async function whyOf(
  client: AdminClient,
  target: string,
  isUri: boolean,
  key: string,
): Promise<ToolWhy | ItemWhy> {
  const item = () => client.get<ItemWhy>(paths.itemWhy, { item: target, key });
  if (isUri) return item();
  const tool = await client.get<ToolWhy>(paths.why, { tool: target, key });
  if (tool.visibility !== null) return tool;
  const other = await item();
  return other.kind === null ? tool : other;
}

/** `file:///a`: no server id has a colon. */
function hasScheme(text: string): boolean {
  const colon = text.indexOf(":");
  return colon > 0 && !text.slice(0, colon).includes("/");
}
