/** How clients are told that a list changed, and what they have to have asked for. */

import { type JsonObject, member } from "../base/json.ts";
import { notificationMessage } from "../protocol/envelope.ts";
import { type ListMethod, listMethods, listShapes } from "../protocol/lists.ts";

/** For a legacy client, who is told of all of them. */
export const listChanges: ReadonlyMap<ListMethod, string> = changes(() => true);

/** The filter members of subscriptions/listen, and the family whose lists they are about. */
export const filters = {
  tools: "toolsListChanged",
  prompts: "promptsListChanged",
  resources: "resourcesListChanged",
} as const;

type Family = keyof typeof filters;
export const families: readonly Family[] = ["tools", "prompts", "resources"];

/** `meta`: the `"_meta":{…}` member that every message of a listen stream carries. */
export function changes(
  wanted: (family: Family) => boolean,
  meta?: string,
): ReadonlyMap<ListMethod, string> {
  const params = meta === undefined ? undefined : `{${meta}}`;
  const told = listMethods.filter((list) => wanted(listShapes[list].capability));
  return new Map(
    told.map((list) => {
      const { capability } = listShapes[list];
      return [list, notificationMessage(`notifications/${capability}/list_changed`, params)];
    }),
  );
}

export function isList(method: string): method is ListMethod {
  return Object.hasOwn(listShapes, method);
}

/** Whether our own description offers it: nothing else is honoured. */
export function offers(capabilities: JsonObject, family: Family, what: string): boolean {
  const declared = member(capabilities, family);
  return typeof declared === "object" && declared !== null && Object.hasOwn(declared, what);
}
