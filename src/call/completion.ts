/** Completion: not offered by this version. */

import { notOffered } from "./not-offered.ts";

export const completionMethods = notOffered("completion/complete");
