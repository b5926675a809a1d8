/** The last progress of a call that came too fast to be told (U18): kept as bytes, seldom read. */

import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { readUpstream } from "../protocol/strict-json.ts";

export interface LateNote {
  keep(bytes: Uint8Array): void;
  /** Once; undefined when it is no progress. */
  read(): { readonly method: string; readonly params: JsonObject } | undefined;
}

/** One piece of memory for all of a call: a flood makes no garbage. */
export function createLateNote(): LateNote {
  const memory = new Uint8Array(limits.noteBytes);
  let size = 0;
  return {
    keep(bytes) {
      memory.set(bytes);
      size = bytes.length;
    },
    read() {
      const read = readUpstream(memory.slice(0, size));
      size = 0;
      if (!read.ok) return undefined;
      const method = member(read.value.value, "method");
      const params = member(read.value.value, "params");
      const isProgress = method === "notifications/progress" && isObject(params);
      return isProgress ? { method, params } : undefined;
    },
  };
}
