/**
 * Keys that some parser could take for a known one (P2, P3). Servers in Go match names without
 * case, older ones stop at NUL, and some normalise; policy reads exact names, so such a twin must
 * not get past it.
 */

import { foldKey } from "../base/fold-key.ts";

/** The known params key that `key` is a twin of; undefined when it is exact or nothing like one. */
export function foldedParam(key: string): string | undefined {
  return params.has(key) ? undefined : foldedParams().get(fold(key));
}

/** The same for the keys of `_meta` that the gateway takes out or writes itself. */
export function foldedMeta(key: string): string | undefined {
  return meta.has(key) ? undefined : foldedMetas().get(fold(key));
}

/** The key without C0, DEL and C1 characters; itself when it has none. */
export function withoutControls(key: string): string {
  let plain = "";
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    if (unit >= 0xa0 || (unit >= 0x20 && unit < 0x7f)) plain += key[at];
  }
  return plain;
}

/** Whether a params key is one that the gateway knows, exactly as written. */
export function isKnownParam(key: string): boolean {
  return params.has(key);
}

export const metaKeys = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  logLevel: "io.modelcontextprotocol/logLevel",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
  progressToken: "progressToken",
} as const;

const kept = "abcdefghijklmnopqrstuvwxyz0123456789_./";
const params: ReadonlySet<string> = new Set(
  [
    "_meta name arguments uri ref argument context cursor level task taskId notifications",
    "protocolVersion capabilities clientInfo requestId reason progressToken progress total message",
    "inputResponses requestState",
  ].flatMap((line) => line.split(" ")),
);
const meta: ReadonlySet<string> = new Set(Object.values(metaKeys));
const foldedParams = foldAll(params);
const foldedMetas = foldAll(meta);

/** At the first use: a start has none, and does not wait for it. */
function foldAll(keys: ReadonlySet<string>): () => ReadonlyMap<string, string> {
  let folded: ReadonlyMap<string, string> | undefined;
  return () => {
    folded ??= new Map([...keys].map((key) => [fold(key), key]));
    return folded;
  };
}

/** Beyond the shared folding, all that no known key has is dropped. */
function fold(key: string): string {
  let folded = "";
  for (const character of foldKey(key)) if (kept.includes(character)) folded += character;
  return folded;
}
