/** The only place where answers to calls are made. */

import { asFault, type ErrorCode, fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Decision } from "../policy/model.ts";
import { errorMessage, resultMessage } from "../protocol/envelope.ts";
import { errorFor } from "../protocol/translate/errors.ts";
import { resultFor } from "../protocol/translate/results.ts";
import type { Forwarded } from "./answer.ts";
import { badState } from "./bridge/state.ts";
import type { Incoming, Reply } from "./incoming.ts";
import type { DecidedCall } from "./method.ts";

/**
 * What the server answered: its own bytes, in the client's era, under the client's id. Nobody
 * looks at the message again.
 */
export function respondResult(
  incoming: Incoming,
  reply: Reply,
  answer: Extract<Forwarded, { kind: "result" }>,
): void {
  const { idText, method } = incoming.message;
  const { release } = answer.message;
  if (answer.ready !== undefined) {
    reply.send(200, resultMessage(idText, answer.ready), release);
    return;
  }
  if (answer.outcome === "upstream_error") {
    respondUpstreamError(incoming, reply, answer);
    release?.();
    return;
  }
  const result = resultFor(method, answer.message, answer.bytes, answer.era, incoming.era);
  if (typeof result !== "string") {
    reply.send(200, resultMessage(idText, result), release);
    return;
  }
  const error = fault("GW_NOT_BRIDGED", { message: result });
  respondFailed(incoming, reply, error, undefined);
  release?.();
}

/**
 * A call that did not come to an answer: of a tool the model is told as a tool error, with the way
 * out; of anything else the client.
 */
export function respondFailed(
  incoming: Incoming,
  reply: Reply,
  thrown: unknown,
  about: { readonly receipt: string; readonly target: string } | undefined,
  mayHaveRun = false,
): void {
  const error = asFault(thrown, "Cannot make the call");
  const why = error.why === "" ? "" : `: ${error.why}`;
  const ran = mayHaveRun && !why.includes("may have run") ? " The call may have run." : "";
  if (!isToolCall(incoming) || (isCapability(error) && incoming.era === "modern")) {
    const receipt = about === undefined ? {} : { receipt: about.receipt };
    const message = `${error.message}${why}${ran === "" ? "" : `.${ran}`}`;
    sendError(incoming, reply, error, message, receipt);
    return;
  }
  const receipt = about === undefined ? "" : ` Receipt: ${about.receipt}.`;
  sendToolError(
    incoming,
    reply,
    `${error.code}: ${error.message}${why}.${ran} Try: ${error.fix}.${receipt}`,
  );
}

/**
 * A denial with code, rule, hint and receipt (docs/errors.md): of a tool a result the model can
 * read, of any other method a JSON-RPC error.
 */
export function respondDenied(
  incoming: Incoming,
  reply: Reply,
  call: DecidedCall,
  decision: Decision,
  receipt: string,
): void {
  const code = denialCode(incoming.message.method, call, decision);
  if (code === "GW_REQUEST_STATE") {
    const message = "The requestState belongs to no request that can go on";
    sendError(incoming, reply, fault(code, { message }), message, { receipt });
    return;
  }
  if (call.item === undefined) {
    respondUnknown(incoming, reply, call, code, receipt);
    return;
  }
  const what = isToolCall(incoming) ? "The call" : incoming.message.method;
  const error = fault(code, { message: `${what} of "${call.item.target}" is not allowed` });
  const hint = decision.hint === undefined ? error.fix : decision.hint;
  const rule = decision.rule?.id ?? null;
  const unsure = decision.undecided ? " (it could not be decided)" : "";
  const by = rule === null ? "" : ` by rule "${rule}"${unsure}`;
  const text = `${error.message}${by}. Hint: ${hint}. Receipt: ${receipt}.`;
  if (isToolCall(incoming)) sendToolError(incoming, reply, `${code}: ${text}`);
  else sendError(incoming, reply, error, text, { rule, hint, receipt });
}

/** The request itself is at fault: a JSON-RPC error. */
export function respondProblem(incoming: Incoming, reply: Reply, error: GatewayError): void {
  sendError(incoming, reply, error, error.message, {});
}

export function denialCode(method: string, call: DecidedCall, decision: Decision): ErrorCode {
  if (decision === badState) return "GW_REQUEST_STATE";
  if (call.item !== undefined) return decision.code ?? "GW_NO_RULE";
  if (method.startsWith("tasks/")) return "GW_TASK_UNKNOWN";
  if (call.guess?.unlisted !== undefined) return call.guess.unlisted.code;
  if (method === "tools/call") return "GW_TOOL_UNKNOWN";
  const isPrompt = method === "prompts/get" || call.guess !== undefined;
  return isPrompt && !method.startsWith("resources/") ? "GW_PROMPT_UNKNOWN" : "GW_RESOURCE_UNKNOWN";
}

function respondUnknown(
  incoming: Incoming,
  reply: Reply,
  call: DecidedCall,
  code: ErrorCode,
  receipt: string,
): void {
  const unlisted = call.guess?.unlisted;
  if (unlisted !== undefined && unlisted.code === code) {
    respondFailed(incoming, reply, unlisted, { receipt, target: call.exposed });
    return;
  }
  // A name can be as long as a request; no tool's is.
  const name = call.exposed.slice(0, limits.toolNameBytes);
  const error = fault(code, { message: `${unknown[code] ?? "Unknown name"} "${name}"` });
  sendError(incoming, reply, error, error.message, { receipt });
}

const unknown: Partial<Record<ErrorCode, string>> = {
  GW_TASK_UNKNOWN: "Unknown task",
  GW_TOOL_UNKNOWN: "Unknown tool",
  GW_PROMPT_UNKNOWN: "Unknown prompt",
  GW_RESOURCE_UNKNOWN: "Resource not found:",
};

/** A JSON-RPC error of the server keeps code, message and data, as far as the client's era goes. */
function respondUpstreamError(
  incoming: Incoming,
  reply: Reply,
  answer: Extract<Forwarded, { kind: "result" }>,
): void {
  const { idText, method } = incoming.message;
  const told = errorFor(method, answer.message, answer.era, incoming.era);
  if (typeof told === "object") {
    reply.send(told.status, [`{"jsonrpc":"2.0","id":${idText},"error":`, ...told.error, "}"]);
    return;
  }
  if (told === "hop") {
    const own = fault("GW_UPSTREAM_ERROR", { message: "The server refused the gateway's request" });
    respondProblem(incoming, reply, own);
    return;
  }
  const message = "The server needs a capability that the client did not declare";
  respondFailed(incoming, reply, fault("GW_CLIENT_CAPABILITY", { message }), undefined);
}

/** Of 2026-07-28, where it has a status of its own. */
function isCapability(error: GatewayError): boolean {
  return error.code === "GW_CLIENT_CAPABILITY";
}

function isToolCall(incoming: Incoming): boolean {
  return incoming.message.method === "tools/call";
}

function sendError(
  incoming: Incoming,
  reply: Reply,
  error: GatewayError,
  message: string,
  more: object,
): void {
  const { spec } = error;
  const data = { code: error.code, fix: error.fix, ...error.data, ...more };
  const status = incoming.era === "modern" ? (statuses[error.code] ?? spec.http) : 200;
  const code = (incoming.era === "legacy" ? legacyCodes[error.code] : undefined) ?? spec.rpc;
  // Most clients show the message and nothing of the data.
  const text = `${error.code}: ${message}`;
  reply.send(status, [errorMessage(incoming.message.idText, code, text, data)]);
}

/** Where the row's own is for operators' commands. */
const statuses: Partial<Record<ErrorCode, number>> = { GW_SERVER_DISABLED: 200 };

/** Where 2025-11-25 has another number for it, or none. */
const legacyCodes: Partial<Record<ErrorCode, number>> = {
  GW_RESOURCE_UNKNOWN: -32002,
  GW_CLIENT_CAPABILITY: -32603,
};

function sendToolError(incoming: Incoming, reply: Reply, text: string): void {
  const type = incoming.era === "modern" ? ',"resultType":"complete"' : "";
  const content = `[{"type":"text","text":${JSON.stringify(text)}}]`;
  const result = `{"content":${content},"isError":true${type}}`;
  reply.send(200, resultMessage(incoming.message.idText, result));
}
