/**
 * Headers that mirror the body (2026-07-28, SEP-2243). The body decides; a header may only agree.
 */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { problem, type RpcProblem } from "./era.ts";
import type { Message, RequestMessage } from "./message.ts";
import { decodeMirror } from "./mirror.ts";
import type { ParamHeader } from "./param-headers.ts";

export interface MirrorInput {
  readonly message: Message;
  readonly headers: { get(name: string): string | null };
}

/** Mcp-Method and Mcp-Name of a modern request; the problem is GW_HEADER_MISMATCH (-32020). */
export function checkMirrors({ message, headers }: MirrorInput): RpcProblem | undefined {
  // The spec gives posted notifications no header rules.
  if (message.kind !== "request") return undefined;
  const method = headers.get("mcp-method");
  if (method === null) return mismatch("the Mcp-Method header is missing");
  if (method !== message.method) return mismatch("Mcp-Method is not the method of the body");
  const named = mirroredName(message);
  // A name of the wrong type is the fault of the params, which are judged later.
  if (typeof named !== "string") return undefined;
  return checkText("Mcp-Name", headers.get("mcp-name"), named);
}

/**
 * Mcp-Param-* of one tools/call against the arguments it mirrors. Headers of absent or null
 * arguments and headers that the tool does not know are ignored, as the spec says.
 */
export function checkParamHeaders(
  args: JsonObject,
  paramHeaders: readonly ParamHeader[],
  request: { header(name: string): string | null },
): RpcProblem | undefined {
  for (const { name, path } of paramHeaders) {
    const value = valueAt(args, path);
    // Objects and arrays have no form as a header; the tool's own schema refuses them.
    if (value === undefined || value === null || typeof value === "object") continue;
    const label = `Mcp-Param-${name}`;
    const found = request.header(label);
    const wrong = checkText(label, found, String(value));
    if (wrong === undefined) continue;
    if (found !== null && typeof value === "number" && isSameNumber(found, value)) continue;
    return wrong;
  }
  return undefined;
}

/** Which params member Mcp-Name repeats. */
const nameSources: ReadonlyMap<string, string> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
  ["tasks/get", "taskId"],
  ["tasks/update", "taskId"],
  ["tasks/cancel", "taskId"],
]);

function mirroredName(message: RequestMessage): Json | undefined {
  const source = nameSources.get(message.method);
  return source === undefined ? undefined : member(message.params, source);
}

function checkText(label: string, header: string | null, expected: string): RpcProblem | undefined {
  if (header === null) return mismatch(`the ${label} header is missing`);
  const said = decodeMirror(header);
  if (said === undefined) return mismatch(`the ${label} header is not well formed`);
  return said === expected ? undefined : mismatch(`${label} is not what the body says`);
}

function mismatch(message: string): RpcProblem {
  return problem("GW_HEADER_MISMATCH", message);
}

function valueAt(args: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = args;
  for (const key of path) value = isObject(value) ? member(value, key) : undefined;
  return value;
}

/** `42.0` says 42: integers are compared as numbers, where both are exact. */
function isSameNumber(header: string, value: number): boolean {
  const text = decodeMirror(header) ?? "";
  const decimal = text !== "" && [...text].every((character) => "0123456789.-".includes(character));
  return decimal && Number.isSafeInteger(value) && Number(text) === value;
}
