/** Who may call /mcp: asked before anything is read, and again after every wait (F11, F12). */

import type { Identity } from "../access/access.ts";
import { fault } from "../base/errors.ts";
import { keyError, plainError } from "./answers.ts";
import type { Caller, Door } from "./door.ts";

/** The identity behind the request's key as of now, or the refusal. */
export function admit(door: Door, caller: Caller): Identity | Response {
  const known = door.ports.access.authenticate(caller.head.authorization);
  if (!known.ok) return keyError(known.error);
  if (known.value.roles.includes("executor")) return known.value;
  return plainError(
    fault("GW_ROLE", { message: "Only a key with the role executor may call /mcp" }),
  );
}

/**
 * The refusal of a caller whose key ended while something was waited for. Whatever is opened after
 * an await asks this first, without another await in between.
 */
export function refusedNow(door: Door, caller: Caller): Response | undefined {
  const now = admit(door, caller);
  return now instanceof Response ? now : undefined;
}
