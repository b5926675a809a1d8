/** From the servers' lists to what agents see: names, collisions, what is held back. */

import { type ListMethod, listShapes } from "../protocol/lists.ts";
import type { ListCount, Quarantined } from "./catalog.ts";
import { type Listed, makeItem, type Owner } from "./item.ts";
import { exposedNames, type Naming } from "./naming.ts";
import { kindOf, type SoundItem, type SoundList } from "./sound.ts";

export interface ServerList {
  readonly owner: Owner;
  readonly list: SoundList;
}

export interface Built {
  /** By exposed name or URI, in the order of config and list. */
  readonly items: ReadonlyMap<string, Listed>;
  readonly quarantined: readonly Quarantined[];
  /** By server. */
  readonly counts: ReadonlyMap<string, ListCount>;
  /** Items with characters that nobody would see. */
  readonly hidden: readonly Listed[];
}

export const nothingBuilt: Built = {
  items: new Map(),
  quarantined: [],
  counts: new Map(),
  hidden: [],
};

export interface BuildOptions {
  readonly naming: Naming;
  /** Every server of the config. */
  readonly servers: readonly string[];
  /**
   * What agents see now: a name stays with the server that has it while that server lists it
   * (P17). undefined before all servers were asked once: then the order of the config decides.
   */
  readonly before: Built | undefined;
  /** Items made before: one that is the same stays the same object. */
  readonly made: WeakMap<SoundItem, Listed>;
}

/** Deterministic: same lists in the same order and the same state before, same items. */
export function build(
  method: ListMethod,
  lists: readonly ServerList[],
  options: BuildOptions,
): Built {
  const quarantined: Quarantined[] = [];
  const offered = offers(method, lists, options, quarantined);
  const holders = new Map<string, Listed>();
  for (const item of offered) {
    const { exposed, server, name } = item;
    const now = options.before?.items.get(exposed);
    const stays = now !== undefined && now.server === server && now.name === name;
    if (stays || !holders.has(exposed)) holders.set(exposed, item);
  }
  const items = new Map<string, Listed>();
  for (const item of offered) {
    const holder = holders.get(item.exposed);
    if (holder === item) items.set(item.exposed, item);
    else if (holder !== undefined) quarantined.push(taken(method, item, holder));
  }
  const all = [...items.values()];
  const hidden = all.filter((item) => item.hidden > 0);
  return { items, quarantined, counts: countsOf(all, quarantined), hidden };
}

function countsOf(
  items: readonly Listed[],
  quarantined: readonly Quarantined[],
): ReadonlyMap<string, ListCount> {
  const counts = new Map<string, ListCount>();
  const add = (server: string, offered: number, heldBack: number) => {
    const before = counts.get(server) ?? noItems;
    counts.set(server, {
      offered: before.offered + offered,
      heldBack: before.heldBack + heldBack,
    });
  };
  for (const { server } of items) add(server, 1, 0);
  for (const { server, count } of quarantined) add(server, 0, count ?? 1);
  return counts;
}

export const noItems: ListCount = { offered: 0, heldBack: 0 };

/** Every item that could be offered, names not yet compared. */
function offers(
  method: ListMethod,
  lists: readonly ServerList[],
  { naming, servers, made }: BuildOptions,
  quarantined: Quarantined[],
): readonly Listed[] {
  const sound = lists.flatMap(({ owner, list }) => {
    const server = owner.upstream.id;
    for (const one of list.dropped) quarantined.push({ ...one, server });
    return list.items.map((item) => ({ owner, item, era: list.era, server, name: item.name }));
  });
  const names = isNamed(method) ? exposedNames(sound, naming, servers) : undefined;
  return sound.flatMap(({ owner, item, era, server, name }, index) => {
    const exposed = names?.[index] ?? name;
    const before = made.get(item);
    if (before?.exposed === exposed) return [before];
    const listed = makeItem(method, owner, item, exposed, era);
    if (!listed.ok) {
      quarantined.push({ kind: kindOf(method), server, name, why: listed.error });
      return [];
    }
    made.set(item, listed.value);
    return [listed.value];
  });
}

function taken(method: ListMethod, { server, name, exposed }: Listed, holder: Listed): Quarantined {
  const why = isNamed(method)
    ? `the name "${exposed}" is taken by ${holder.target}`
    : `"${holder.server}" has it already`;
  return { kind: kindOf(method), server, name, why };
}

function isNamed(method: ListMethod): boolean {
  return listShapes[method].id === "name";
}
