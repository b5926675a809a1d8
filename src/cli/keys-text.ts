/** What the keys commands share: how durations and keys read. */

import type { CreatedKey } from "../admin/contract-keys.ts";
import { fault } from "../base/errors.ts";
import { durationMs } from "../gateway/config-units.ts";
import type { Invocation } from "./command.ts";
import { tokenFile } from "./token-file.ts";

/** An option that is a duration, in ms; undefined when it is not there. Throws GW_USAGE. */
export function durationOption(call: Invocation, name: string): number | undefined {
  const text = call.options.text(name);
  if (text === undefined) return undefined;
  const ms = durationMs(text);
  if (ms !== undefined) return ms;
  const message = `--${name} "${text}" is not a duration`;
  throw fault("GW_USAGE", { message, fix: `write --${name} 90d, 24h, 30m …` });
}

/**
 * Makes a key and shows it. The token stands alone on stdout, so that it can be piped, the words
 * about it on stderr; with --out it is in that file only, and the answer is id and path.
 */
export async function showCreated(
  call: Invocation,
  create: () => Promise<CreatedKey>,
): Promise<number> {
  const { io, options } = call;
  const file = tokenFile(call);
  const key = await create().catch((thrown: unknown) => {
    file?.drop();
    throw thrown;
  });
  file?.keep(key.token);
  const end = key.expires_at === null ? "" : `, until ${key.expires_at}`;
  const words = `Key "${key.name}" (${key.roles.join(", ")}${end}), id ${key.id}`;
  if (options.has("json")) {
    const { token, ...rest } = key;
    io.out(JSON.stringify(file === undefined ? key : { ...rest, file: file.path }));
  } else if (file !== undefined) {
    io.out(`${words}. Its token is in ${file.path} (mode 0600)`);
  } else {
    io.err(`${words}.`);
    io.err("This is its token. It is shown only now:");
    io.out(key.token);
  }
  return 0;
}
