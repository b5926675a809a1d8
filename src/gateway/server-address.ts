/** What the gateway dials for a server, for who looks at one from outside of it (U1, U2). */

import { resolveHost } from "../upstream/address.ts";

export type Dialled =
  | { readonly addresses: readonly string[] }
  /** It dials none of them, and why. */
  | { readonly refused: string };

/** Of the addresses that its host's name was `found` to have; the name is not resolved again. */
export async function dialledOf(
  host: string,
  found: readonly string[],
  allowLinkLocal: boolean,
): Promise<Dialled> {
  try {
    return { addresses: await resolveHost(host, allowLinkLocal, async () => found) };
  } catch (thrown) {
    return { refused: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** A name that had public addresses is never dialled inside: only who saw them knows (U2). */
export function isTurnedInside(cause: string): boolean {
  return cause.includes("had public ones before");
}
