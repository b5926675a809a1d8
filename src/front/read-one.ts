/** From the bytes of one message to what it says, or the reason why it is none. */

import type { ErrorCode } from "../base/errors.ts";
import { freeFromBytes } from "../base/free-memory.ts";
import { limits } from "../base/limits.ts";
import { giveBytes } from "../base/spare-memory.ts";
import { readMessage } from "../protocol/json-rpc.ts";
import type { Message } from "../protocol/message.ts";
import { type JsonBounds, readStrict } from "../protocol/strict-json.ts";
import { eraOf } from "../protocol/versions.ts";
import type { Door } from "./door.ts";
import { isServerOnly } from "./methods.ts";

type Limits = Door["ports"]["limits"];

export interface Refused {
  readonly kind: "refused";
  readonly code: ErrorCode;
  /** Safe to show. */
  readonly message: string;
  readonly idText?: string;
  /** Good JSON, but an array: perhaps a batch. */
  readonly array?: boolean;
}

/** `version`: the MCP-Protocol-Version header. */
export function readOne(door: Door, bytes: Uint8Array, version: string | null): Message | Refused {
  const body = readStrict(bytes, boundsOf(door.ports.limits));
  if (!body.ok) {
    // What is well formed JSON gets the code of a wrong message (F19).
    const { root, code, message } = body.error;
    const array = root === "array";
    return { kind, code: root === undefined ? code : "GW_MESSAGE", message, array };
  }
  if (bytes.length >= freeFromBytes) body.value.release = freeing(bytes);
  const read = readMessage(body.value, fromClient);
  if (read.kind === "problem") return { ...read, kind };
  const rejected = rejectKind(read, version);
  if (rejected !== undefined) return { kind, code: "GW_MESSAGE", message: rejected };
  return read;
}

const kind = "refused";
const fromClient = { idBytes: limits.idBytes };

/** Of the last limits: they change with the config only. */
let known: { readonly of: Limits; readonly bounds: JsonBounds } | undefined;

function boundsOf(of: Limits): JsonBounds {
  if (known === undefined || known.of !== of) {
    const { jsonDepth: depth, jsonValues: values } = of;
    known = { of, bounds: { depth, values, keyBytes: limits.jsonKeyBytes } };
  }
  return known.bounds;
}

/** Of its own, so that small bodies cost no scope. */
function freeing(bytes: Uint8Array): () => void {
  return () => giveBytes(bytes);
}

/** F20: modern clients are asked nothing, and none speaks for servers. */
function rejectKind(message: Message, version: string | null): string | undefined {
  if (message.kind === "response" && version !== null && eraOf(version) === "modern") {
    return "A response answers no request of this gateway";
  }
  if (message.kind === "notification" && isServerOnly(message.method)) {
    return `Clients do not send "${message.method}"`;
  }
  return undefined;
}
