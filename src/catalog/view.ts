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

/** One key's view of one list. */
export interface KeyList {
  readonly hash: string;
  readonly items: readonly Listed[];
  /** Sealed for this key when first asked for, by era and page. */
  readonly cursors: Partial<Record<Era, string[]>>;
}

/** Texts of whole pages by list hash and era: keys that see the same share them. */
export type PageTexts = Map<string, readonly string[]>;

export function keyList(items: readonly Listed[]): KeyList {
  const hash = createHash("sha256");
  for (const { exposed, server, definitionHash, from } of items) {
    hash.update(`${exposed}\0${server}\0${definitionHash}\0${from}\n`);
  }
  return { hash: hash.digest("hex"), items, cursors: {} };
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
  const pages = pagesOf(list, era, texts);
  const items = pages[index];
  if (items === undefined) throw cursorFault();
  const next = index + 1 < pages.length ? cursorTo(list, request, index + 1, sealer) : undefined;
  return listResult(method, items, next, era, hints);
}

function pagesOf(list: KeyList, era: Era, texts: PageTexts): readonly string[] {
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

function cursorTo(
  { hash, cursors }: KeyList,
  { method, era, keyId }: PageRequest,
  index: number,
  sealer: Sealer,
): string {
  cursors[era] ??= [];
  const sealed = cursors[era];
  sealed[index] ??= sealer.seal("cursor", keyId, JSON.stringify([method, era, hash, index]));
  return sealed[index];
}

/** F16: what does not open as this key's, or opens as another list, is one and the same error. */
function openCursor(
  { hash }: KeyList,
  { method, era, keyId, cursor }: PageRequest,
  sealer: Sealer,
): number {
  const text = sealer.open("cursor", keyId, cursor ?? "");
  if (text === undefined) throw cursorFault();
  const [itsMethod, itsEra, itsHash, index] = JSON.parse(text) as readonly unknown[];
  if (itsMethod !== method || itsEra !== era || itsHash !== hash) throw cursorFault();
  return index as number;
}

function cursorFault() {
  return fault("GW_CURSOR", { message: "Unknown cursor" });
}
