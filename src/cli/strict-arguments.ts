/** Arguments as the gateway would read them of an agent, for whoever decides them without it. */

import { Buffer } from "node:buffer";
import type { BriefObject } from "../base/brief.ts";
import { fault } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Config } from "../gateway/config-model.ts";
import { readStrict } from "../protocol/strict-json.ts";

export interface StrictArguments {
  readonly args: BriefObject;
  /** A number in them is not what was written: policy must not compare any. */
  readonly inexact: boolean;
}

/**
 * `text` is JSON of one object. `config`: whose bounds hold; undefined: the usual ones. Throws
 * GW_JSON, GW_JSON_LIMIT or GW_BODY_TOO_LARGE where the gateway answers so before it asks a rule.
 */
export function strictArguments(
  text: string,
  name: string,
  config: Config | undefined,
): StrictArguments {
  // In a call, as there they stand two levels down, and what is around them counts too.
  const params = `{"name":${JSON.stringify(name)},"arguments":${text}}`;
  const body = Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
  const { bodyBytes, jsonDepth: depth, jsonValues: values } = config?.limits ?? limits;
  const message = "The gateway refuses these arguments before it asks the policy";
  if (body.length > bodyBytes) {
    const cause = `the call has ${body.length} bytes, and limits.body is ${bodyBytes}`;
    throw fault("GW_BODY_TOO_LARGE", { message, cause });
  }
  const read = readStrict(body, { depth, values, keyBytes: limits.jsonKeyBytes });
  if (!read.ok) throw fault(read.error.code, { message, cause: read.error.message });
  const { value, brief, inexact = false } = read.value;
  const given = member(value, "params");
  const args = brief ?? (isObject(given) ? member(given, "arguments") : undefined);
  return { args: (args ?? {}) as BriefObject, inexact };
}
