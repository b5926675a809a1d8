/** The reference of completion/complete under the server's own name. */

import { spliced } from "../envelope.ts";
import type { Pieces } from "../message.ts";
import { membersOf } from "../strict-json.ts";

/** `ref` with another name, all else byte for byte. */
export function refNamed(ref: Uint8Array, name: string): Pieces {
  const others = spliced(ref, membersOf(ref), ["name"]);
  const head = `{"name":${JSON.stringify(name)}`;
  return others === undefined ? [`${head}}`] : [`${head},`, ...others, "}"];
}
