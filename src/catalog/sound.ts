/** What of a server's list may be offered at all (P14, R11, U22). */

import { type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { CacheHints } from "../protocol/cache-hints.ts";
import { type ListMethod, listShapes } from "../protocol/lists.ts";
import type { Era } from "../protocol/message.ts";
import type { RawItem, RawList } from "../upstream/upstream.ts";
import type { Quarantined } from "./catalog.ts";

export interface SoundList {
  readonly items: readonly SoundItem[];
  readonly dropped: readonly Omit<Quarantined, "server">[];
  readonly hints: CacheHints;
  /** Of the server that gave it. */
  readonly era: Era;
  /** As it came: the same texts again are no change. */
  readonly raw: readonly RawItem[];
}

export interface SoundItem {
  /** Name, URI or template. */
  readonly name: string;
  readonly item: RawItem;
}

const kinds = {
  "tools/list": { kind: "tool", most: limits.toolsPerServer },
  "prompts/list": { kind: "prompt", most: limits.promptsPerServer },
  "resources/list": { kind: "resource", most: limits.resourcesPerServer },
  "resources/templates/list": { kind: "template", most: limits.templatesPerServer },
} as const satisfies Record<ListMethod, { kind: Quarantined["kind"]; most: number }>;

export function kindOf(method: ListMethod): Quarantined["kind"] {
  return kinds[method].kind;
}

export function soundList(method: ListMethod, list: RawList, era: Era): SoundList {
  const { kind, most } = kinds[method];
  const dropped: Omit<Quarantined, "server">[] = [];
  const seen = new Set<string>();
  const items: SoundItem[] = [];
  let more = 0;
  const whyMore = new Set<string>();
  for (const item of list.items) {
    const name = nameOf(method, item.value);
    const why = whyNot(method, name, item, seen);
    if (why === undefined && items.length < most) {
      seen.add(name as string);
      items.push({ name: name as string, item });
    } else {
      const cause = why ?? `the server lists more than ${most} ${kind}s`;
      if (dropped.length < limits.heldBackShown) {
        dropped.push({ kind, name: shownName(name), why: cause });
      } else {
        more += 1;
        whyMore.add(cause);
      }
    }
  }
  if (more > 0) {
    const [only = ""] = whyMore;
    const why = whyMore.size === 1 ? only : "see those before";
    dropped.push({ kind, name: `(${more} more)`, why, count: more });
  }
  return { items, dropped, hints: list.hints, era, raw: list.items };
}

/** Names are shown to people: what could hide in one, or is no text at all, is not. */
function shownName(name: unknown): string {
  // String() of a hostile object would throw and take the other servers' tools with it.
  return typeof name === "string" ? printable(name.slice(0, limits.toolNameBytes)) : "(no string)";
}

function nameOf(method: ListMethod, value: JsonObject): unknown {
  return member(value, listShapes[method].id);
}

function whyNot(
  method: ListMethod,
  name: unknown,
  item: RawItem,
  seen: ReadonlySet<string>,
): string | undefined {
  if (typeof name !== "string" || !isSoundName(method, name)) return namesAre[method];
  if (seen.has(name)) return `the server lists the ${listShapes[method].id} twice`;
  if (item.text.length > limits.itemBytes)
    return `its definition is over ${limits.itemBytes} bytes`;
  return undefined;
}

const namesAre: Readonly<Record<ListMethod, string>> = {
  "tools/list": "its name is not 1 to 128 of A-Z a-z 0-9 _ - .",
  "prompts/list": "its name is not 1 to 128 characters that can be seen",
  "resources/list": `its uri is not 1 to ${limits.uriBytes} characters that can be seen`,
  "resources/templates/list": `its uriTemplate is not 1 to ${limits.uriBytes} such characters`,
};

function isSoundName(method: ListMethod, name: string): boolean {
  if (method === "tools/list") return isToolName(name);
  const most = method === "prompts/list" ? limits.toolNameBytes : limits.uriBytes;
  return name.length > 0 && name.length <= most && printable(name) === name;
}

function isToolName(name: string): boolean {
  if (name.length === 0 || name.length > limits.toolNameBytes) return false;
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    const letter = (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
    if (!letter && !(c >= 48 && c <= 57) && c !== 95 && c !== 45 && c !== 46) return false;
  }
  return true;
}
