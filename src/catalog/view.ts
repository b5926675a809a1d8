/** What one key sees of one list: hash, pages, cursors. Texts are made once for all keys. */

import { createHash } from "node:crypto";
import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Sealer } from "../base/seal.ts";
import type { CacheHints } from "../protocol/cache-hints.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { Era } from "../protocol/message.ts";
import { listResult } from "../protocol/translate/lists.ts";
import type { Listed } from "./item.ts";

/** What keys see of one list; those that see the same share it. */
export interface Seen {
  readonly hash: string;
  readonly items: readonly Listed[];
}

/** One key's view of one list. */
export interface KeyList {
  readonly seen: Seen;
  /** Sealed for this key when first asked for, by form and page. */
  readonly cursors: Map<string, string[]>;
}

/** Texts of whole pages by list hash and era: keys that see the same share them. */
export type PageTexts = Map<string, readonly string[]>;

export function seenOf(items: readonly Listed[]): Seen {
  const hash = createHash("sha256");
  for (const { exposed, server, definitionHash, from } of items) {
    hash.update(`${exposed}\0${server}\0${definitionHash}\0${from}\n`);
  }
  return { hash: hash.digest("hex"), items };
}

export interface PageRequest {
  readonly method: ListMethod;
  readonly keyId: string;
  readonly era: Era;
  readonly cursor: string | undefined;
  readonly hints: CacheHints;
}

/** JSON text of the result. Throws GW_CURSOR for a cursor of another key, list or state of it. */
export function pageOf(
  list: KeyList,
  request: PageRequest,
  texts: PageTexts,
  sealer: Sealer,
): string {
  const { method, era, hints } = request;
  const index = request.cursor === undefined ? 0 : openCursor(list, request, sealer);
  const pages = pagesOf(list.seen, era, texts);
  const items = pages[index];
  if (items === undefined) throw cursorFault();
  const next = index + 1 < pages.length ? cursorTo(list, request, index + 1, sealer) : undefined;
  return listResult(method, items, next, era, hints);
}

function pagesOf(list: Seen, era: Era, texts: PageTexts): readonly string[] {
  const name = `${era} ${list.hash}`;
  let pages = texts.get(name);
  if (pages === undefined) {
    pages = joined(list.items, era);
    texts.set(name, pages);
  }
  return pages;
}

/** At least one page: an empty list is one too. */
function joined(items: readonly Listed[], era: Era): readonly string[] {
  const texts = items.flatMap(({ text }) => text[era] ?? []);
  const pages: string[] = [];
  for (let at = 0; at === 0 || at < texts.length; at += limits.listPage) {
    pages.push(texts.slice(at, at + limits.listPage).join(","));
  }
  return pages;
}

/** All pages of one list are of one era and have one cacheScope (2026-07-28, caching). */
function formOf({ method, era, hints }: PageRequest): string {
  return `${method} ${era} ${hints.cacheScope}`;
}

function cursorTo(
  { seen, cursors }: KeyList,
  request: PageRequest,
  index: number,
  sealer: Sealer,
): string {
  const form = formOf(request);
  const sealed = cursors.get(form) ?? [];
  cursors.set(form, sealed);
  sealed[index] ??= sealer.seal("cursor", request.keyId, JSON.stringify([form, seen.hash, index]));
  return sealed[index];
}

/** F16: what does not open as this key's, or opens as another list, is one and the same error. */
function openCursor({ seen }: KeyList, request: PageRequest, sealer: Sealer): number {
  const text = sealer.open("cursor", request.keyId, request.cursor ?? "");
  if (text === undefined) throw cursorFault();
  const [form, itsHash, index] = JSON.parse(text) as readonly unknown[];
  if (form !== formOf(request) || itsHash !== seen.hash) throw cursorFault();
  return index as number;
}

function cursorFault() {
  return fault("GW_CURSOR", { message: "Unknown cursor" });
}
