/** For requests that are answered at once. */

import type { Handling } from "./incoming.ts";

export const nothingToCancel: Handling = { cancel() {} };
