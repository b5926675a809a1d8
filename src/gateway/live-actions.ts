/** What an operator may do with servers and with calls in flight. */

import path from "node:path";
import type { LiveActions } from "../admin/actions.ts";
import type { ServerAction } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import { endCall, type LiveCall } from "../call/board.ts";
import { extend } from "../call/deadlines.ts";
import type { Live } from "./live.ts";
import { callRow } from "./live-calls.ts";
import type { Parts } from "./parts.ts";

export function liveActions(parts: Parts, live: Live): LiveActions {
  const folder = path.dirname(parts.config.file);
  const { board } = parts.calls;
  const find = (id: string) => [...board.inFlight].find((call) => `c-${call.no}` === id);
  const need = (id: string): LiveCall => {
    const call = find(id);
    if (call !== undefined) return call;
    throw fault("GW_CALL_UNKNOWN", { message: `The call "${id}" has just ended` });
  };
  return {
    servers: () => parts.servers.all.map(({ id }) => id),
    async server(action, id, by) {
      await act(parts, action, id, by);
      return live.server(id);
    },
    call(id) {
      const call = find(id);
      return call === undefined ? undefined : callRow(call, folder);
    },
    cancel(id, reason) {
      const call = need(id);
      const message = `An operator ended the call of "${call.target}"`;
      const told = fault("GW_ENDED_BY_OPERATOR", { message, cause: reason });
      endCall(call, "an operator ended the call", told);
      return callRow(call, folder);
    },
    extend(id, ms) {
      const call = need(id);
      if (call.deadline === undefined) {
        const message = `The server does not have the call "${id}" yet: no deadline runs`;
        throw fault("GW_PARAMS", { message, fix: "try it again in a moment" });
      }
      extend(call.deadline, parts.calls.clock.mono(), ms);
      return callRow(call, folder);
    },
  };
}

async function act(parts: Parts, action: ServerAction, id: string, by: string): Promise<void> {
  const server = parts.servers.get(id);
  if (server === undefined) throw fault("GW_NAME", { message: `No server is called "${id}"` });
  const { upstream, history } = server;
  history.note(`${action}, by key ${by}`);
  if (action === "disable") return upstream.disable(`disabled by key ${namedKey(parts, by)}`);
  if (action === "retry") upstream.retry();
  if (action === "restart") await upstream.restart();
  if (action === "enable") await upstream.enable();
  // People want to know whether it helped, not that it was tried.
  const { clock } = parts.calls;
  const until = clock.mono() + limits.serverActionMs;
  const isWaiting = () => {
    const { state, handover } = upstream.status();
    return state === "starting" || handover?.state === "starting";
  };
  while (isWaiting() && clock.mono() < until) {
    await new Promise<void>((resolve) => clock.after(20, resolve));
  }
}

/** Agents are told it too: a name says more than an id, and both are no secret. */
function namedKey(parts: Parts, id: string): string {
  const name = parts.access.list().find((row) => row.id === id)?.name ?? "";
  return name === "" ? id : `${id} (${printable(name)})`;
}
