/** The only place where answers to calls are made. */

import { asFault, type ErrorCode, fault, type GatewayError } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Decision } from "../policy/model.ts";
import { errorMessage, notificationMessage, resultMessage } from "../protocol/envelope.ts";
import { callResult } from "../protocol/translate/tools-call.ts";
import type { Forwarded } from "./forward.ts";
import type { Incoming, Reply } from "./incoming.ts";
import type { ToolCall } from "./parse.ts";

/** What the server answered: its own bytes, in the client's era, under the client's id. */
export function respondResult(
  incoming: Incoming,
  reply: Reply,
  answer: Extract<Forwarded, { kind: "result" }>,
): void {
  const { idText } = incoming.message;
  if (answer.outcome === "upstream_error") {
    respondUpstreamError(incoming, reply, answer);
    return;
  }
  const result = callResult(answer.message, answer.era, incoming.era);
  if (!result.ok) {
    const error = fault("GW_NOT_BRIDGED", { message: result.error });
    respondFailed(incoming, reply, error, undefined);
    return;
  }
  reply.send(200, resultMessage(idText, result.value));
}

/** A call that did not come to an answer: the model is told as a tool error, with the way out. */
export function respondFailed(
  incoming: Incoming,
  reply: Reply,
  thrown: unknown,
  about: { readonly receipt: string; readonly target: string } | undefined,
  mayHaveRun = false,
): void {
  const error = asFault(thrown, "Cannot make the call");
  const why = error.why === "" ? "" : `: ${error.why}`;
  const receipt = about === undefined ? "" : ` Receipt: ${about.receipt}.`;
  const ran = mayHaveRun && !why.includes("may have run") ? " The call may have run." : "";
  sendToolError(
    incoming,
    reply,
    `${error.code}: ${error.message}${why}.${ran} Try: ${error.fix}.${receipt}`,
  );
}

/** A denial: a result the model can read, with code, rule, hint and receipt (interfaces.md). */
export function respondDenied(
  incoming: Incoming,
  reply: Reply,
  call: ToolCall,
  decision: Decision,
  receipt: string,
): void {
  const code = denialCode(call, decision);
  if (code === "GW_TOOL_UNKNOWN") {
    // A name can be as long as a request; no tool's is.
    const name = call.exposed.slice(0, limits.toolNameBytes);
    const error = fault(code, { message: `Unknown tool "${name}"`, data: { receipt } });
    respondProblem(incoming, reply, error);
    return;
  }
  if (code === "GW_UPSTREAM_DOWN") {
    const message = `The tools of server "${call.guess?.server}" are not known yet`;
    const error = fault(code, { message, cause: call.guess?.unlisted ?? "" });
    respondFailed(incoming, reply, error, { receipt, target: call.exposed });
    return;
  }
  const error = fault(code, { message: `The call of "${call.tool?.target}" is not allowed` });
  const rule = decision.rule === undefined ? "" : ` by rule "${decision.rule.id}"`;
  const hint = decision.hint === undefined ? error.fix : decision.hint;
  const text = `${code}: ${error.message}${rule}. Hint: ${hint}. Receipt: ${receipt}.`;
  sendToolError(incoming, reply, text);
}

/** The request itself is at fault: a JSON-RPC error. */
export function respondProblem(incoming: Incoming, reply: Reply, error: GatewayError): void {
  const { spec } = error;
  const data = { code: error.code, fix: error.fix, ...error.data };
  const status = incoming.era === "modern" ? spec.http : 200;
  reply.send(status, [errorMessage(incoming.message.idText, spec.rpc, error.message, data)]);
}

export function denialCode(call: ToolCall, decision: Decision): ErrorCode {
  if (call.tool !== undefined) return decision.code ?? "GW_NO_RULE";
  return call.guess?.unlisted === undefined ? "GW_TOOL_UNKNOWN" : "GW_UPSTREAM_DOWN";
}

/** A progress notification under the client's own token; other members as the server sent them. */
export function progressMessage(params: JsonObject, token: string | number): string {
  return notificationMessage(
    "notifications/progress",
    JSON.stringify({ ...params, progressToken: token }),
  );
}

/**
 * A JSON-RPC error of the server keeps code, message and data; codes that speak of our own hop
 * (-32020, -32022) do not concern the client and become -32603.
 */
function respondUpstreamError(
  incoming: Incoming,
  reply: Reply,
  answer: Extract<Forwarded, { kind: "result" }>,
): void {
  const { idText } = incoming.message;
  const error = member(answer.message.value, "error");
  const code = isObject(error) ? member(error, "code") : undefined;
  if (typeof code !== "number" || code === -32020 || code === -32022) {
    const own = fault("GW_UPSTREAM_ERROR", { message: "The server refused the gateway's request" });
    respondProblem(incoming, reply, own);
    return;
  }
  const head = `{"jsonrpc":"2.0","id":${idText},"error":`;
  reply.send(200, [head, answer.bytes, "}"]);
}

function sendToolError(incoming: Incoming, reply: Reply, text: string): void {
  const type = incoming.era === "modern" ? ',"resultType":"complete"' : "";
  const content = `[{"type":"text","text":${JSON.stringify(text)}}]`;
  const result = `{"content":${content},"isError":true${type}}`;
  reply.send(200, resultMessage(incoming.message.idText, result));
}
