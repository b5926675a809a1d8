/** Tasks: not offered by this version. */

import { notOffered } from "./not-offered.ts";

export const taskMethods = notOffered(
  "tasks/get",
  "tasks/result",
  "tasks/list",
  "tasks/cancel",
  "tasks/update",
);
