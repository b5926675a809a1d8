/** The seam of the families that this version does not carry yet. */

import type { Method } from "./method.ts";

export function notOffered(...names: readonly string[]): readonly (readonly [string, Method])[] {
  return names.map((name) => [name, { eras: [], run: () => nothingToCancel }]);
}

export const nothingToCancel = { cancel() {} };
