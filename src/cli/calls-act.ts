/** `authensor-gw calls cancel|extend`. */

import { type LiveCall, paths } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";
import { changeAtGateway } from "./context.ts";
import { durationOption } from "./keys-text.ts";
import { needReach } from "./reach.ts";

export async function runCancel(call: Invocation): Promise<number> {
  const body = { call: call.args[0] ?? "", reason: call.options.text("reason") };
  const row = await changeAtGateway(call, await needReach(call), (client) =>
    client.post<LiveCall>(paths.callCancel, body),
  );
  const words = `${row.id} (${printable(row.tool)}) is cancelled; its agent is told so.`;
  call.io.out(call.options.has("json") ? JSON.stringify(row) : words);
  return 0;
}

export async function runExtend(call: Invocation): Promise<number> {
  const ms = durationOption(call, "by");
  if (ms === undefined) {
    const fix = `authensor-gw calls extend ${printable(call.args[0] ?? "c-1")} --by 5m`;
    throw fault("GW_USAGE", { message: "It is not said by how much", fix });
  }
  const body = { call: call.args[0] ?? "", ms };
  const row = await changeAtGateway(call, await needReach(call), (client) =>
    client.post<LiveCall>(paths.callExtend, body),
  );
  const end = new Date(row.deadline?.atMs ?? 0).toISOString();
  const words = `${row.id} (${printable(row.tool)}) may run until ${end}.`;
  call.io.out(call.options.has("json") ? JSON.stringify(row) : words);
  return 0;
}
