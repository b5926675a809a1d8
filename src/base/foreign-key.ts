/** A key's token that the store does not have: of another data_dir, or of one that was emptied. */

import { fault, type GatewayError } from "./errors.ts";

/** `from`: where the token came from. `store`: `data_dir "/srv/gw"`, or the database. */
export function foreignKey(error: GatewayError, from: string, store: string): GatewayError {
  return fault(error.code, {
    message: `The key of ${from} is not one of ${store}`,
    cause: "it was made for another data_dir or database, or this one was made anew",
    fix:
      "set `data_dir` and `database` back, or name a key of this one (--key-file FILE, " +
      "$AUTHENSOR_GW_KEY). Where it has no admin key yet, this makes one: " +
      "`authensor-gw keys create --role admin --name admin`",
  });
}
