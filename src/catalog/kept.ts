/** A server's list as it is kept over restarts: what is written, and what is taken back. */

import { timingSafeEqual } from "node:crypto";
import { isObject, type Json } from "../base/json.ts";
import type { CacheHints } from "../protocol/cache-hints.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { RawItem, ServerHello } from "../upstream/upstream.ts";

export interface KeptList {
  /** Wall ms of when the server last said that it is so. */
  readonly readMs: number;
  readonly hello: ServerHello;
  readonly hints: CacheHints;
  readonly items: readonly RawItem[];
}

/** Where lists outlive the gateway. */
export interface KeptLists {
  /** undefined: none, or none of this server with these settings. */
  load(server: string, method: ListMethod): KeptList | undefined;
  /** Written soon; what cannot be written is told in the log, and costs only a faster start. */
  save(server: string, method: ListMethod, list: KeptList): void;
  forget(server: string, method: ListMethod): void;
}

export interface KeptName {
  readonly server: string;
  readonly method: ListMethod;
  /** Of the settings that make it this server: another one under its id inherits nothing. */
  readonly settings: string;
}

/** Of a text, under a key of this installation. */
export type Sign = (text: string) => Uint8Array;

/** Another version's file is not read: the list is fetched again. */
const version = 1;

export function keptText({ server, method, settings }: KeptName, list: KeptList, sign: Sign) {
  const { readMs, hello, hints } = list;
  const items = list.items.map(({ text }) => text);
  const name = { version, server, method, settings };
  const payload = JSON.stringify({ ...name, readMs, hello, hints, items });
  return `${Buffer.from(sign(payload)).toString("hex")}\n${payload}`;
}

/** undefined: torn, edited, of another version, another server or other settings. */
export function readKept(text: string, name: KeptName, sign: Sign): KeptList | undefined {
  const end = text.indexOf("\n");
  const payload = text.slice(end + 1);
  const given = Buffer.from(text.slice(0, Math.max(end, 0)), "hex");
  const made = sign(payload);
  if (given.length !== made.length || !timingSafeEqual(given, made)) return undefined;
  // Signed by us: only what it is of can be a surprise.
  const tree = JSON.parse(payload) as Written;
  const { server, method, settings } = name;
  const isOurs = tree.server === server && tree.method === method && tree.settings === settings;
  if (tree.version !== version || !isOurs) return undefined;
  const { readMs, hello, hints } = tree;
  return { readMs, hello, hints, items: tree.items.flatMap(itemOf) };
}

interface Written extends Omit<KeptList, "items">, KeptName {
  readonly version: number;
  readonly items: readonly string[];
}

function itemOf(text: string): readonly RawItem[] {
  const value = JSON.parse(text) as Json;
  return isObject(value) ? [{ value, text }] : [];
}
