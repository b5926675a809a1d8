/** What the keys commands share: how durations and keys read. */

import type { CreatedKey } from "../admin/contract-keys.ts";
import { fault } from "../base/errors.ts";
import { durationMs } from "../gateway/config-units.ts";
import type { Invocation } from "./command.ts";

/** An option that is a duration, in ms; undefined when it is not there. Throws GW_USAGE. */
export function durationOption(call: Invocation, name: string): number | undefined {
  const text = call.options.text(name);
  if (text === undefined) return undefined;
  const ms = durationMs(text);
  if (ms !== undefined) return ms;
  const message = `--${name} "${text}" is not a duration`;
  throw fault("GW_USAGE", { message, fix: `write --${name} 90d, 24h, 30m …` });
}

/** The token stands alone on stdout, so that it can be piped; the words about it on stderr. */
export function showCreated(call: Invocation, key: CreatedKey): void {
  if (call.options.has("json")) {
    call.io.out(JSON.stringify(key));
    return;
  }
  const end = key.expires_at === null ? "" : `, until ${key.expires_at}`;
  call.io.err(`Key "${key.name}" (${key.roles.join(", ")}${end}), id ${key.id}.`);
  call.io.err("This is its token. It is shown only now:");
  call.io.out(key.token);
}
