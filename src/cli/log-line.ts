/** What the log's lines are filtered by. */

import type { Field } from "../base/filter.ts";
import { levels } from "../base/log.ts";

export const logFields: readonly Field[] = [
  { name: "level", kind: "rank", words: levels, doc: "this level or a worse one" },
  { name: "message", kind: "text", doc: "the sentence" },
  { name: "server", kind: "text", doc: "id of the server" },
  { name: "key", kind: "text", doc: "name of the key" },
  { name: "tool", kind: "text", doc: "server/tool" },
  { name: "call", kind: "text", doc: "id of the call" },
  { name: "code", kind: "text", doc: "error code" },
  { name: "since", kind: "age", doc: "written at most this long ago" },
  { name: "line", kind: "text", searched: true, doc: "the whole line" },
];
