/** Lists of scripted servers, built as the catalog builds them. */

import type { JsonObject } from "../../src/base/json.ts";
import { type Built, build } from "../../src/catalog/build.ts";
import type { Naming } from "../../src/catalog/naming.ts";
import { soundList } from "../../src/catalog/sound.ts";
import { notKept } from "../../src/protocol/cache-hints.ts";
import type { ListMethod } from "../../src/protocol/lists.ts";
import { scriptedUpstream } from "../kit/scripted.ts";

export const schema = { type: "object", properties: { a: {} } };

export interface BuiltOptions {
  readonly method?: ListMethod;
  readonly naming?: Naming;
  /** What was offered until now. */
  readonly before?: Built;
}

/** Servers in the order of the config, with whole items. */
export function builtOf(
  servers: Readonly<Record<string, readonly JsonObject[]>>,
  { method = "tools/list", naming = "prefix", before }: BuiltOptions = {},
) {
  const lists = Object.entries(servers).map(([server, values]) => {
    const items = values.map((value) => ({ value, text: JSON.stringify(value) }));
    return {
      owner: {
        upstream: scriptedUpstream(server, []),
        lists: { freshnessMs: 1, maxStaleMs: 1 },
        timeout: () => ({ idleMs: 1, maxMs: 1, setting: "x" }),
      },
      list: soundList(method, { items, hints: notKept }, "legacy"),
    };
  });
  const ids = Object.keys(servers);
  return build(method, lists, { naming, servers: ids, before, made: new WeakMap() });
}

/** The same for tools of which only the names matter. */
export function toolsOf(
  servers: Record<string, readonly string[]>,
  naming: Naming = "prefix",
  before?: Built,
) {
  const items = Object.entries(servers).map(
    ([server, names]) => [server, names.map((name) => ({ name, inputSchema: schema }))] as const,
  );
  return builtOf(Object.fromEntries(items), { naming, ...(before && { before }) });
}
