/** Resources: not offered by this version. */

import { notOffered } from "./not-offered.ts";

export const resourceMethods = notOffered(
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
);
