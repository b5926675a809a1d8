/** What was kept of the lists before this start. */

import { type ListMethod, listMethods } from "../protocol/lists.ts";
import type { ServerHello } from "../upstream/upstream.ts";
import { type Ages, ageOf } from "./ages.ts";
import type { Owner } from "./item.ts";
import type { ListOptions } from "./lists.ts";
import { type SoundList, soundList } from "./sound.ts";
import { isOff } from "./watch.ts";

interface Restored {
  /** By server. */
  readonly hellos: Map<string, ServerHello>;
  readonly lists: {
    readonly server: string;
    readonly method: ListMethod;
    readonly list: SoundList;
  }[];
}

/** Those that are not too old, of servers that are not disabled; they pass the checks again. */
export function restore(options: ListOptions, ages: Ages): Restored {
  const restored: Restored = { hellos: new Map(), lists: [] };
  for (const owner of options.servers) {
    if (isOff(owner.upstream.status().state)) continue;
    for (const method of listMethods) restoreOne(options, owner, method, ages, restored);
  }
  return restored;
}

function restoreOne(
  { kept, clock }: ListOptions,
  owner: Owner,
  method: ListMethod,
  ages: Ages,
  restored: Restored,
): void {
  const server = owner.upstream.id;
  const found = kept?.load(server, method);
  if (found === undefined) return;
  const { hello, hints, items, readMs } = found;
  if (ageOf(readMs, clock) >= owner.lists.maxStaleMs) {
    kept?.forget(server, method);
    return;
  }
  const list = soundList(method, { items, hints }, hello.era);
  restored.lists.push({ server, method, list });
  restored.hellos.set(server, hello);
  ages.good(owner, method, readMs);
}
