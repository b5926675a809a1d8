/** `lists` in data_dir: what servers listed last, so that a start does not wait for them. */

import { createHmac } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { causeText } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import {
  type KeptList,
  type KeptLists,
  type KeptName,
  keptText,
  readKept,
} from "../catalog/kept.ts";
import { type ListMethod, listMethods } from "../protocol/lists.ts";
import type { ServerConfig } from "./config-model.ts";

export interface KeptListsOptions {
  readonly dataDir: string;
  /** What lists are signed with: one that was written by somebody else is not read. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  /** In the config now. */
  server(id: string): ServerConfig | undefined;
  warn(message: string, fields: Record<string, unknown>): void;
}

export interface OpenKeptLists extends KeptLists {
  /** All that was to be written is. */
  close(): Promise<void>;
}

/** Drops what is of servers that are no more. Never throws: without lists a start is slower. */
export function openKeptLists(options: KeptListsOptions): OpenKeptLists {
  const { key, clock } = options;
  const folder = join(options.dataDir, "lists");
  const sign = (text: string) => createHmac("sha256", key).update(domain).update(text).digest();
  const writing = new Map<string, Writing>();
  /** Why it is not written, told once. */
  const refused = new Map<string, string>();
  const nameOf = (server: string, method: ListMethod): KeptName | undefined => {
    const config = options.server(server);
    return config && { server, method, settings: settingsOf(config, sign) };
  };
  const refuse = (file: string, why: string) => {
    if (refused.get(file) !== why) options.warn("a list is not kept", { file, why });
    refused.set(file, why);
  };
  try {
    sweep(folder, (id) => options.server(id) !== undefined);
  } catch (thrown) {
    refuse(folder, causeText(thrown));
  }

  const replace = async (file: string, text: string | undefined) => {
    const path = join(folder, file);
    try {
      if (text === undefined) await rm(path, { force: true });
      else {
        // No fsync: it would wait in line with receipts. What a power cut tears does not check.
        await writeFile(`${path}.new`, text, { mode: 0o600 });
        await rename(`${path}.new`, path);
      }
      refused.delete(file);
    } catch (thrown) {
      refuse(file, causeText(thrown));
    }
  };
  /** One write at a time for each file; of those that wait only the last one is done. */
  const put = (file: string, text: string | undefined) => {
    const now = writing.get(file);
    if (now !== undefined) {
      now.next = { text };
      return;
    }
    const own: Writing = { next: undefined, over: Promise.resolve() };
    writing.set(file, own);
    own.over = (async () => {
      for (let next: { text: string | undefined } | undefined = { text }; next; next = own.next) {
        own.next = undefined;
        await replace(file, next.text);
      }
      writing.delete(file);
    })();
  };
  const saved = new Map<string, { items: KeptList["items"]; readMs: number; settings: string }>();
  const isKept = (file: string, settings: string, { items, readMs }: KeptList) => {
    const last = saved.get(file);
    if (last?.items !== items || last.settings !== settings) return false;
    return readMs - last.readMs < limits.keptListMs;
  };

  return {
    load(server, method) {
      const name = nameOf(server, method);
      if (name === undefined) return undefined;
      const text = textOf(join(folder, fileOf(name)));
      return text === undefined ? undefined : readKept(text, name, sign);
    },
    save(server, method, list) {
      const name = nameOf(server, method);
      if (name === undefined) return;
      const file = fileOf(name);
      const { items, readMs } = list;
      if (isKept(file, name.settings, list)) return;
      saved.set(file, { items, readMs, settings: name.settings });
      const text = keptText(name, list, sign);
      const isFit = text.length <= limits.keptListBytes;
      if (!isFit) refuse(file, `it is over ${limits.keptListBytes} bytes`);
      put(file, isFit ? text : undefined);
    },
    forget(server, method) {
      const file = fileOf({ server, method });
      saved.delete(file);
      put(file, undefined);
    },
    async close() {
      const until = clock.mono() + limits.flushMs;
      while (writing.size > 0 && clock.mono() < until) {
        await Promise.all([...writing.values()].map(({ over }) => over));
      }
    },
  };
}

const domain = "authensor-gw/lists/v1\0";

interface Writing {
  next: { readonly text: string | undefined } | undefined;
  over: Promise<void>;
}

/** Secrets are in it: with other credentials a server may list other things. */
function settingsOf({ transport, protocol }: ServerConfig, sign: (text: string) => Buffer): string {
  return sign(JSON.stringify(["settings", transport, protocol])).toString("hex");
}

/** `files.tools-list`, `files.resources-templates-list`. */
function fileOf({ server, method }: Pick<KeptName, "server" | "method">): string {
  return `${server}.${method.replaceAll("/", "-")}`;
}

function sweep(folder: string, isServer: (id: string) => boolean): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ends = new Set(listMethods.map((method) => fileOf({ server: "", method })));
  for (const file of readdirSync(folder)) {
    const dot = file.indexOf(".");
    const isOurs = dot > 0 && ends.has(file.slice(dot)) && isServer(file.slice(0, dot));
    if (!isOurs) rmSync(join(folder, file), { recursive: true, force: true });
  }
}

function textOf(path: string): string | undefined {
  try {
    const { size } = statSync(path);
    // Text of other scripts takes up to three bytes a character.
    return size > 3 * limits.keptListBytes ? undefined : readFileSync(path, "utf8");
  } catch {
    // There is none, or it cannot be read: the server is asked.
    return undefined;
  }
}
