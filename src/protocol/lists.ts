/** The four lists of the protocol, alike in every revision. */

export type ListMethod =
  | "tools/list"
  | "prompts/list"
  | "resources/list"
  | "resources/templates/list";

export const listMethods: readonly ListMethod[] = [
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
];

export interface ListShape {
  /** What a server declares that has the list. */
  readonly capability: "tools" | "prompts" | "resources";
  /** The member of the result that holds the items. */
  readonly key: "tools" | "prompts" | "resources" | "resourceTemplates";
  /** The member of an item that names it. */
  readonly id: "name" | "uri" | "uriTemplate";
}

export const listShapes: Readonly<Record<ListMethod, ListShape>> = {
  "tools/list": { capability: "tools", key: "tools", id: "name" },
  "prompts/list": { capability: "prompts", key: "prompts", id: "name" },
  "resources/list": { capability: "resources", key: "resources", id: "uri" },
  "resources/templates/list": {
    ...{ capability: "resources", key: "resourceTemplates", id: "uriTemplate" },
  },
};
