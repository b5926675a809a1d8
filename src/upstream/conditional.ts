/**
 * What a legacy server offers only to clients that can be asked: some register a tool only where
 * the client declared elicitation. Kept when the process or session it was learnt from is closed.
 */

import { member } from "../base/json.ts";
import { type ListMethod, listShapes } from "../protocol/lists.ts";
import type { RawItem, RawList } from "./upstream.ts";

export interface Conditional {
  /** Whether clients with these capabilities were looked at. */
  knows(capabilities: string): boolean;
  /** Keeps what `theirs` has more than `own`; whether that is something else than before. */
  learn(capabilities: string, method: ListMethod, own: RawList, theirs: RawList): boolean;
  /** Whether there is anything of that kind. */
  any(capabilities: string): boolean;
  /** A list with what others are offered more. */
  merge(method: ListMethod, own: RawList): RawList;
}

/** Distinct capabilities that are remembered; clients are of a few kinds. */
const most = 16;

export function createConditional(): Conditional {
  const known = new Map<string, Map<ListMethod, readonly RawItem[]>>();

  function of(capabilities: string): Map<ListMethod, readonly RawItem[]> {
    let found = known.get(capabilities);
    if (found !== undefined) return found;
    found = new Map();
    known.set(capabilities, found);
    for (const oldest of known.keys()) {
      if (known.size <= most) break;
      known.delete(oldest);
    }
    return found;
  }

  return {
    knows: (capabilities) => known.has(capabilities),
    learn(capabilities, method, own, theirs) {
      const names = new Set(own.items.map((item) => nameOf(method, item)));
      const more = theirs.items.filter((item) => !names.has(nameOf(method, item)));
      const lists = of(capabilities);
      const before = lists.get(method) ?? [];
      lists.set(method, more);
      return textOf(before) !== textOf(more);
    },
    any: (capabilities) => [...of(capabilities).values()].some((items) => items.length > 0),
    merge(method, own) {
      const names = new Set(own.items.map((item) => nameOf(method, item)));
      const more: RawItem[] = [];
      for (const lists of known.values()) {
        for (const item of lists.get(method) ?? []) {
          const name = nameOf(method, item);
          if (names.has(name)) continue;
          names.add(name);
          more.push(item);
        }
      }
      return more.length === 0 ? own : { ...own, items: [...own.items, ...more] };
    },
  };
}

function nameOf(method: ListMethod, { value }: RawItem) {
  return member(value, listShapes[method].id);
}

function textOf(items: readonly RawItem[]): string {
  return items.map(({ text }) => text).join("\n");
}
