/** Logging: not offered by this version. */

import { notOffered } from "./not-offered.ts";

export const loggingMethods = notOffered("logging/setLevel");
