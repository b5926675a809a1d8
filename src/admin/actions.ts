/** Routes that act on a server or on a call in flight. Each is recorded before it happens. */

import { fault } from "../base/errors.ts";
import { type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import type { LiveCall, LiveServer, ServerAction } from "./contract.ts";
import type { AdminPorts, AdminRequest, Route } from "./routes.ts";

/** What the gateway does; every method throws where there is nothing of this id. */
export interface LiveActions {
  /** Ids of all servers. */
  servers(): readonly string[];
  /** Resolves when it is up or has failed. `by`: the key, for the server's history. */
  server(action: ServerAction, id: string, by: string): Promise<LiveServer>;
  /** undefined: no call in flight has this id. */
  call(id: string): LiveCall | undefined;
  /** The call's row afterwards. Throws GW_CALL_UNKNOWN. */
  cancel(id: string, reason: string): LiveCall;
  extend(id: string, ms: number): LiveCall;
}

/** Body {server}. */
export function actServer(action: ServerAction): Route["handle"] {
  return async ({ body, caller, stillMay }: AdminRequest, ports: AdminPorts) => {
    const server = textOf(body, "server");
    const known = ports.actions.servers();
    if (!known.includes(server)) {
      const all = known.length === 0 ? "add servers to the config" : `one of ${known.join(", ")}`;
      const fix = didYouMean(server, known, all);
      throw fault("GW_NAME", { message: `No server is called "${server}"`, fix });
    }
    await ports.audit.admin(`server.${action}`, caller.keyId, { server }).durable;
    stillMay();
    return ports.actions.server(action, server, caller.keyId);
  };
}

/** Body {call, reason?}. */
export async function cancelCall(
  { body, caller, stillMay }: AdminRequest,
  ports: AdminPorts,
): Promise<LiveCall> {
  const call = inFlight(body, ports);
  const reason = member(body, "reason") === undefined ? "" : textOf(body, "reason");
  const fields = { call: call.id, receipt: call.receipt, tool: call.tool, reason };
  await ports.audit.admin("call.cancel", caller.keyId, fields).durable;
  stillMay();
  return ports.actions.cancel(call.id, reason);
}

/** Body {call, ms}. */
export async function extendCall(
  { body, caller, stillMay }: AdminRequest,
  ports: AdminPorts,
): Promise<LiveCall> {
  const call = inFlight(body, ports);
  const ms = member(body, "ms");
  const whole = typeof ms === "number" && Number.isInteger(ms) && ms > 0;
  if (!whole || ms > limits.extendMs) {
    const message = `"ms" must be a whole number of ms, at most ${limits.extendMs} (24h)`;
    throw fault("GW_PARAMS", { message });
  }
  const fields = { call: call.id, receipt: call.receipt, tool: call.tool, ms };
  await ports.audit.admin("call.extend", caller.keyId, fields).durable;
  stillMay();
  return ports.actions.extend(call.id, ms);
}

function inFlight(body: JsonObject, ports: AdminPorts): LiveCall {
  const id = textOf(body, "call");
  const call = ports.actions.call(id);
  if (call !== undefined) return call;
  throw fault("GW_CALL_UNKNOWN", { message: `No call "${id}" is in flight` });
}

function textOf(body: JsonObject, field: string): string {
  const text = member(body, field);
  if (typeof text === "string" && text.length > 0 && text.length <= 256) return text;
  throw fault("GW_PARAMS", { message: `"${field}" must be a text of 1 to 256 characters` });
}
