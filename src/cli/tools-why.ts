/** `authensor-gw tools why`: exit 0 visible, 1 not. */

import { paths, type ToolWhy } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { fromGateway, needConfig } from "./context.ts";
import { needTarget } from "./target.ts";

export async function run(call: Invocation): Promise<number> {
  const tool = needTarget(call.args[0]);
  const key = call.options.text("as") ?? call.options.text("key");
  if (key === undefined) {
    const fix = `authensor-gw tools why ${tool} --as KEY`;
    throw fault("GW_USAGE", { message: '"tools why" needs --as', fix });
  }
  const config = needConfig(call);
  const why = await fromGateway(call, config, (client) =>
    client.get<ToolWhy>(paths.why, { tool, key }),
  );
  const word = why.visible ? "visible" : "not visible";
  call.io.out(
    call.options.has("json")
      ? JSON.stringify(why)
      : `${printable(tool)} is ${word} to ${printable(key)}: ${printable(why.why)}`,
  );
  return why.visible ? 0 : 1;
}
