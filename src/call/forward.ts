/** Sends one decided call to its server and waits for the end: an answer, a failure, a cancel. */

import { asFault, fault, type GatewayError } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import type { Tool } from "../catalog/catalog.ts";
import type { Era, StrictBody } from "../protocol/message.ts";
import { encodeMirror } from "../protocol/mirror.ts";
import { outgoingCall } from "../protocol/translate/params.ts";
import type { Outcome } from "../receipt/model.ts";
import type { UpstreamCall, UpstreamRequest, UpstreamSink } from "../upstream/upstream.ts";
import type { LiveCall } from "./board.ts";
import type { Incoming, Reply } from "./incoming.ts";
import type { CallPorts } from "./ports.ts";
import { progressMessage } from "./respond.ts";

export type Forwarded =
  | {
      readonly kind: "result";
      readonly outcome: Extract<Outcome, "ok" | "tool_error" | "upstream_error">;
      readonly message: StrictBody;
      readonly era: Era;
      /** The bytes of `result` or `error` as they came. */
      readonly bytes: Uint8Array;
      readonly serverMs: number;
    }
  | {
      readonly kind: "failed";
      readonly error: GatewayError;
      readonly mayHaveRun: boolean;
      readonly serverMs: number;
    }
  | { readonly kind: "cancelled"; readonly serverMs: number };

export function forward(
  incoming: Incoming,
  reply: Reply,
  tool: Tool,
  ports: CallPorts,
  live: LiveCall,
): Promise<Forwarded> {
  return new Promise((resolve) => {
    const began = ports.clock.mono();
    let sent: UpstreamCall | undefined;
    let over = false;
    const end = (result: Untimed) => {
      if (over) return;
      over = true;
      deadline.clear();
      live.deadline = undefined;
      live.abort = undefined;
      resolve({ ...result, serverMs: ports.clock.mono() - began });
    };
    const giveUp = (reason: string, result: Untimed) => {
      sent?.cancel(reason);
      end(result);
    };
    const deadline = ports.deadlines.watch(tool.timeout, (which) => {
      const error = timeoutError(tool, which);
      giveUp(error.message, { kind: "failed", error, mayHaveRun: true });
    });
    live.deadline = deadline;
    live.timeout = tool.timeout;
    live.abort = (reason) => giveUp(reason, { kind: "cancelled" });
    // The client may have taken it back while the intent was being written.
    if (live.cancelled !== undefined) {
      end({ kind: "cancelled" });
      return;
    }

    let era: Era = "legacy";
    const token = progressToken(incoming.message.params);
    const sink: UpstreamSink = {
      notification(method, params) {
        deadline.touch();
        live.progress += 1;
        if (over || method !== "notifications/progress" || token === undefined) return;
        reply.notify(progressMessage(params, token));
      },
      response: (message) => end(answered(message, era)),
      failed: (error, mayHaveRun) => end({ kind: "failed", error, mayHaveRun }),
    };
    tool.upstream
      .send(
        outgoing(incoming, tool, ports, (of) => {
          era = of;
          live.serverEra = of;
        }),
        sink,
      )
      .then(
        (call) => {
          sent = call;
          if (over) call.cancel("the gateway has given up on this call");
        },
        (thrown) => {
          const error = asFault(thrown, `Cannot call "${tool.target}"`);
          end({ kind: "failed", error, mayHaveRun: false });
        },
      );
  });
}

type Untimed = Forwarded extends infer F
  ? F extends Forwarded
    ? Omit<F, "serverMs">
    : never
  : never;

function outgoing(
  incoming: Incoming,
  tool: Tool,
  ports: CallPorts,
  taken: (era: Era) => void,
): UpstreamRequest {
  const { message } = incoming;
  return {
    method: "tools/call",
    name: tool.name,
    headers: paramHeaders(tool, message.params),
    params(id, era) {
      taken(era);
      // This version carries no server request to the client, so it offers servers none.
      const own = { capabilitiesText: "{}", clientInfoText: ports.clientInfoText };
      return outgoingCall(message, { name: tool.name, id, era, ...own }).params;
    },
  };
}

const noHeaders: readonly (readonly [string, string])[] = [];

/** Mcp-Param headers from the arguments that are sent, by the server's own schema. */
function paramHeaders(tool: Tool, params: JsonObject): readonly (readonly [string, string])[] {
  if (tool.paramHeaders.length === 0) return noHeaders;
  const found: (readonly [string, string])[] = [];
  for (const { name, path } of tool.paramHeaders) {
    let value: unknown = member(params, "arguments");
    for (const key of path) value = isObject(value) ? member(value, key) : undefined;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      found.push([`Mcp-Param-${name}`, encodeMirror(value)]);
    }
  }
  return found;
}

function progressToken(params: JsonObject): string | number | undefined {
  const meta = member(params, "_meta");
  const token = isObject(meta) ? member(meta, "progressToken") : undefined;
  return typeof token === "string" || typeof token === "number" ? token : undefined;
}

function answered(message: StrictBody, era: Era): Untimed {
  const error = message.span("error");
  const span = error ?? message.span("result");
  if (span === undefined) {
    return {
      kind: "failed",
      mayHaveRun: true,
      error: fault("GW_UPSTREAM_ERROR", { message: "The answer has neither result nor error" }),
    };
  }
  const bytes = message.bytes.subarray(span[0], span[1]);
  if (error !== undefined)
    return { kind: "result", outcome: "upstream_error", message, era, bytes };
  const result = member(message.value, "result");
  const failed = isObject(result) && member(result, "isError") === true;
  return { kind: "result", outcome: failed ? "tool_error" : "ok", message, era, bytes };
}

function timeoutError(tool: Tool, which: "idle" | "max"): GatewayError {
  const { idleMs, maxMs, setting } = tool.timeout;
  const ms = which === "idle" ? idleMs : maxMs;
  const seconds = `${ms / 1000} s`;
  return fault(which === "idle" ? "GW_TIMEOUT_IDLE" : "GW_TIMEOUT_MAX", {
    message:
      which === "idle"
        ? `"${tool.target}" gave no sign of life for ${seconds}`
        : `"${tool.target}" was not done after ${seconds}`,
    cause: `${setting}.${which} is ${seconds}; the call may have run`,
    fix: `raise ${setting}.${which} in the config, or make the tool faster`,
    data: { setting: `${setting}.${which}`, limit_ms: ms },
  });
}
