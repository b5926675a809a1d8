/** Prompts: not offered by this version. */

import { notOffered } from "./not-offered.ts";

export const promptMethods = notOffered("prompts/list", "prompts/get");
