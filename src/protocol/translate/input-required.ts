/**
 * Questions in the middle of a request: 2026-07-28 puts them into a result that asks for more input
 * (MRTR), older servers send requests of their own. Both ways, byte for byte.
 */

import { isObject, type JsonObject, member } from "../../base/json.ts";
import { no, ok, type Result } from "../../base/result.ts";
import { spliced } from "../envelope.ts";
import type { MemberSpan, Pieces, StrictBody } from "../message.ts";
import { membersOf } from "../strict-json.ts";
import { object } from "./object.ts";

export interface InputRequest {
  readonly key: string;
  readonly method: string;
  readonly params: JsonObject;
  /** JSON text of `params`, "{}" when absent. */
  readonly bytes: Uint8Array;
}

export interface InputRequired {
  readonly requests: readonly InputRequest[];
  /** JSON text of `requestState`; undefined: the server keeps nothing there. */
  readonly state: string | undefined;
}

/** Whether a result asks for more input. */
export function asksForInput(message: StrictBody): boolean {
  const result = member(message.value, "result");
  return isObject(result) && member(result, "resultType") === "input_required";
}

/** The error says what is wrong with the server's result. */
export function readInputRequired(message: StrictBody): Result<InputRequired, string> {
  const members = message.members("result");
  // Whoever reads the other one is asked what nobody here looked at (P1).
  if (isTwice(members)) return no("it has the same member twice");
  const asked = members.find(({ key }) => key === "inputRequests");
  const state = members.find(({ key }) => key === "requestState");
  const stateText = state && text(message.bytes, state);
  if (stateText !== undefined && !stateText.startsWith('"')) return no("requestState is no string");
  if (asked === undefined) {
    if (stateText === undefined) return no("it asks for input and does not say for what");
    return ok({ requests: [], state: stateText });
  }
  const bytes = valueIn(message.bytes, asked);
  if (bytes[0] !== 0x7b) return no("inputRequests is no object");
  const requests: InputRequest[] = [];
  for (const one of membersOf(bytes)) {
    const request = readRequest(one.key, valueIn(bytes, one));
    if (request === undefined) return no("an input request is no request");
    if (requests.some(({ key }) => key === one.key)) return no("two input requests have one key");
    // No client could answer it: the front refuses that key.
    if (one.key === "__proto__") return no("an input request has the key __proto__");
    requests.push(request);
  }
  return ok({ requests, state: stateText });
}

/** JSON text of a result that asks for this; `state` is the plain text of requestState. */
export function inputRequired(
  requests: readonly Pick<InputRequest, "key" | "method" | "bytes">[],
  state: string,
): Pieces {
  const pieces: (string | Uint8Array)[] = ['{"resultType":"input_required","inputRequests":'];
  pieces.push(...requestsText(requests));
  pieces.push(`,"requestState":${JSON.stringify(state)}}`);
  return pieces;
}

/** A modern server's own result with another state, and only these of its requests. */
export function rewrapped(
  message: StrictBody,
  requests: readonly InputRequest[],
  state: string,
): Pieces {
  const kept = message
    .members("result")
    .filter(({ key }) => key !== "requestState" && key !== "inputRequests");
  const asked = requests.length === 0 ? [] : [',"inputRequests":', ...requestsText(requests)];
  return object(message.bytes, kept, [`"requestState":${JSON.stringify(state)}`, ...asked]);
}

/** JSON text of `inputResponses`. */
export function responsesText(answers: readonly (readonly [key: string, value: Pieces])[]): Pieces {
  const pieces: (string | Uint8Array)[] = ["{"];
  for (const [index, [key, value]] of answers.entries()) {
    pieces.push(`${index === 0 ? "" : ","}${JSON.stringify(key)}:`, ...value);
  }
  pieces.push("}");
  return pieces;
}

/** A question of a modern server as a legacy client knows it: of a URL it wants an id. */
export function toLegacyQuestion(request: InputRequest, elicitationId: string): Pieces {
  const { method, params, bytes } = request;
  if (method !== "elicitation/create" || member(params, "mode") !== "url") return [bytes];
  const kept = membersOf(bytes).filter(({ key }) => key !== "elicitationId");
  return object(bytes, kept, [`"elicitationId":${JSON.stringify(elicitationId)}`]);
}

/**
 * Params of a legacy server's question as a modern client knows them: an elicitation has no id, and
 * nobody tells of progress with an answer.
 */
export function toModernQuestion(method: string, params: Uint8Array): Uint8Array {
  const its = method === "elicitation/create" ? dropped(params, "elicitationId") : params;
  const meta = membersOf(its).findLast(({ key }) => key === "_meta");
  if (meta === undefined) return its;
  const rest = dropped(valueIn(its, meta), "progressToken");
  if (rest.length === 2) return dropped(its, "_meta");
  return Buffer.concat([its.subarray(0, meta.valueStart), rest, its.subarray(meta.end)]);
}

/** A modern client's answer as a legacy server knows it. */
export function toLegacyAnswer(answer: Uint8Array): Uint8Array {
  return dropped(answer, "resultType");
}

function dropped(bytes: Uint8Array, key: string): Uint8Array {
  const members = bytes[0] === 0x7b ? membersOf(bytes) : [];
  if (!members.some((one) => one.key === key)) return bytes;
  const pieces = spliced(bytes, members, [key]) ?? [];
  return Buffer.from(`{${pieces.map((piece) => Buffer.from(piece).toString()).join("")}}`);
}

function requestsText(requests: readonly Pick<InputRequest, "key" | "method" | "bytes">[]): Pieces {
  const pieces: (string | Uint8Array)[] = ["{"];
  for (const [index, { key, method, bytes }] of requests.entries()) {
    const head = `${index === 0 ? "" : ","}${JSON.stringify(key)}:`;
    pieces.push(`${head}{"method":${JSON.stringify(method)},"params":`, bytes, "}");
  }
  pieces.push("}");
  return pieces;
}

function readRequest(key: string, bytes: Uint8Array): InputRequest | undefined {
  if (bytes[0] !== 0x7b) return undefined;
  const members = membersOf(bytes);
  if (isTwice(members)) return undefined;
  const method = members.find((one) => one.key === "method");
  const params = members.find((one) => one.key === "params");
  const name: unknown = method && JSON.parse(text(bytes, method));
  const given = params === undefined ? emptyObject : valueIn(bytes, params);
  const tree: unknown = JSON.parse(decoder.decode(given));
  if (typeof name !== "string" || !isObject(tree)) return undefined;
  return { key, method: name, params: tree, bytes: given };
}

function isTwice(members: readonly MemberSpan[]): boolean {
  return new Set(members.map(({ key }) => key)).size < members.length;
}

function valueIn(bytes: Uint8Array, { valueStart, end }: MemberSpan): Uint8Array {
  return bytes.subarray(valueStart, end);
}

function text(bytes: Uint8Array, span: MemberSpan): string {
  return decoder.decode(valueIn(bytes, span));
}

const decoder = new TextDecoder();
const emptyObject = new TextEncoder().encode("{}");
