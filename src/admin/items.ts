/** Routes about prompts, resources and templates: what there is, and what a key sees of it. */

import { didYouMean } from "../base/nearest.ts";
import type { ItemWhy, ListedItem } from "./contract.ts";
import type { AdminPorts, AdminRequest } from "./routes.ts";
import { decidedBy, prepared, subjectOf, whySeen } from "./seen.ts";

/** Query key (a name), or none: then nobody's view. */
export async function listItems(
  { query }: AdminRequest,
  ports: AdminPorts,
): Promise<readonly ListedItem[]> {
  const key = query.get("key");
  const subject = key === null ? undefined : subjectOf(key, ports);
  const offered = ports.items().map(({ kind, server, exposed, target }): ListedItem => {
    const candidates = subject && prepared(target, subject, ports);
    return {
      ...{ kind, server, item: target.name, exposed },
      visible: candidates?.visibility ?? null,
      held_back: null,
      by: candidates === undefined ? [] : decidedBy(candidates),
    };
  });
  const heldBack = ports.heldBackItems().map(
    ({ kind, server, name, why }): ListedItem => ({
      ...{ kind, server, item: kind === "prompt" ? `${server}/${name}` : name, exposed: "" },
      ...{ visible: null, held_back: why, by: [] },
    }),
  );
  return [...offered, ...heldBack].sort(inOrder);
}

function inOrder(a: ListedItem, b: ListedItem): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return a.item < b.item ? -1 : 1;
}

/** Query item (`server/prompt`, a URI or a template) and key (a name). */
export async function whyItem({ query }: AdminRequest, ports: AdminPorts): Promise<ItemWhy> {
  const item = query.get("item") ?? "";
  const key = query.get("key") ?? "";
  const subject = subjectOf(key, ports);
  const listed = ports.items().find(({ target }) => target.name === item);
  const found = listed ?? ports.unlisted(item);
  if (found === undefined) {
    const why = whyAbsent(item, ports);
    return { item, key, kind: null, visible: false, why, visibility: null };
  }
  const candidates = prepared(found.target, subject, ports);
  const { visibility } = candidates;
  const seen = whySeen(found.exposed, candidates, found.kind === "prompt" ? "call" : "read");
  const why = listed === undefined ? `No list names it, "${found.server}" gets it. ${seen}` : seen;
  return { item, key, kind: found.kind, visible: visibility !== "deny", why, visibility };
}

function whyAbsent(item: string, ports: AdminPorts): string {
  const held = ports
    .heldBackItems()
    .find(({ server, name }) => name === item || `${server}/${name}` === item);
  if (held !== undefined) return `It is held back: ${held.why}`;
  const names = ports.items().map(({ target }) => target.name);
  const all = "`authensor-gw tools list --kind all` names all";
  return `No server lists it; ${didYouMean(item, names, all)}`;
}
