/** Who may do what on the admin API. Reaching the socket is not authority (invariant 8). */

import { fault, type GatewayError } from "../base/errors.ts";
import { no, ok, type Result } from "../base/result.ts";

/** The caller of one request, as far as the admin API cares. */
export interface Caller {
  /** Id of the key, or what stands for none: `socket`. Goes into receipts. */
  readonly keyId: string;
  readonly roles: readonly string[];
}

/**
 * read: anybody who can open the socket, or a viewer's key and up. On the port: a key only.
 * operate: an operator's key or an admin's.
 * admin: an admin's key.
 * first-key: an admin's key; on the socket nobody's while there is no admin key that works.
 */
export type May = "read" | "operate" | "admin" | "first-key";

const roles: Readonly<Record<May, readonly string[]>> = {
  read: ["viewer", "operator", "admin"],
  operate: ["operator", "admin"],
  admin: ["admin"],
  "first-key": ["admin"],
};

/** The role that may no more than this. */
export function leastRole(may: May): string {
  return roles[may][0] ?? "admin";
}

/** caller undefined: the request carries no key. `onSocket`: it came by the admin socket. */
export function decideAdmin(
  may: May,
  caller: Caller | undefined,
  known: { readonly hasAdminKey: boolean; readonly onSocket: boolean },
): Result<Caller, GatewayError> {
  if (caller === undefined) {
    const open = may === "read" || (may === "first-key" && !known.hasAdminKey);
    return open && known.onSocket ? ok({ keyId: "socket", roles: [] }) : no(keyMissing(may));
  }
  if (caller.roles.some((role) => roles[may].includes(role))) return ok(caller);
  return no(
    fault("GW_ROLE", {
      message: `This needs a key with the role ${roles[may].join(" or ")}`,
      cause: `the key has ${caller.roles.join(", ") || "none"}`,
    }),
  );
}

function keyMissing(may: May): GatewayError {
  return fault("GW_KEY_MISSING", {
    message: `This needs a key with the role ${roles[may].join(" or ")}`,
    fix:
      "name it with --key-file or $AUTHENSOR_GW_KEY; `init` wrote the first to admin.key. " +
      "Over HTTP: `Authorization: Bearer <token>`",
  });
}
