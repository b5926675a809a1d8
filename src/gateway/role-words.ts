/** Roles as people write them, for whoever may not ask src/access itself. */

import { checkRoles } from "../access/grammar.ts";

/** Throws GW_USAGE naming the roles there are. */
export function needRoles(words: readonly string[]): readonly string[] {
  return checkRoles(words);
}
