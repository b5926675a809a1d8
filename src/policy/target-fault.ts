/** Names in a rule that could never match: in a deny they would silently protect nothing. */

import { nearest } from "../base/nearest.ts";

/** Why this is no glob over `server/tool`, or undefined. */
export function toolFault(glob: string): string | undefined {
  return namedFault(glob, "tool");
}

export function promptFault(glob: string): string | undefined {
  return namedFault(glob, "prompt");
}

function namedFault(glob: string, kind: string): string | undefined {
  if (holdsSpace(glob)) return "must not hold spaces";
  const slash = glob.indexOf("/");
  if (slash === -1) {
    const underscores = glob.indexOf("__");
    if (underscores > 0) {
      const meant = `${glob.slice(0, underscores)}/${glob.slice(underscores + 2)}`;
      return `is written as agents see it: did you mean "${meant}"?`;
    }
    if (onlyStars(glob)) return undefined;
    return `names no server: write "server/${kind}", or "*/${glob}" for any server`;
  }
  const server = glob.slice(0, slash);
  if (!isOf(server, "abcdefghijklmnopqrstuvwxyz0123456789-*?")) {
    return `can match no server: server ids are of [a-z0-9-], "${server}" is not`;
  }
  if (server === "" || slash === glob.length - 1) return `must be "server/${kind}"`;
  return undefined;
}

export function resourceFault(glob: string): string | undefined {
  if (holdsSpace(glob)) return "must not hold spaces";
  const colon = glob.indexOf(":");
  if (colon > 0 || glob.startsWith("*")) return undefined;
  return 'must be a URI with its scheme, such as "file:///srv/data/*"';
}

/** Methods that are decided as what they name, or not by policy at all. */
const elsewhere: Readonly<Record<string, string>> = {
  "resources/subscribe": "is decided as a read: use `resources`",
  "resources/unsubscribe": "is decided as a read: use `resources`",
  "completion/complete": "is decided as what it completes: use `prompts` or `resources`",
  "tasks/get": "is decided as its call: use `tools`",
  "tasks/result": "is decided as its call: use `tools`",
  "tasks/list": "is filtered by key, not decided",
  "tasks/cancel": "is decided as its call: use `tools`",
  initialize: "is open to every key, not decided",
  ping: "is open to every key, not decided",
  "server/discover": "is open to every key, not decided",
  "logging/setLevel": "is open to every key, not decided",
  "tools/list": "is filtered by key, not decided",
  "resources/list": "is filtered by key, not decided",
  "resources/templates/list": "is filtered by key, not decided",
  "prompts/list": "is filtered by key, not decided",
  "subscriptions/listen": "is filtered by key, not decided",
};

const decided = [
  "tools/call",
  "resources/read",
  "prompts/get",
  "sampling/createMessage",
  "elicitation/create",
  "roots/list",
];

export function methodFault(glob: string): string | undefined {
  if (holdsSpace(glob)) return "must not hold spaces";
  if (Object.hasOwn(elsewhere, glob)) return elsewhere[glob];
  if (glob.startsWith("notifications/")) return "is open to every key, not decided";
  if (decided.includes(glob) || glob.includes("*") || glob.includes("?")) return undefined;
  // A method of an extension is anyone's; one that is nearly a known name is a slip.
  const near = nearest(glob, decided);
  return near === undefined
    ? undefined
    : `is no method this gateway decides: did you mean "${near}"?`;
}

function onlyStars(glob: string): boolean {
  for (const character of glob) if (character !== "*") return false;
  return true;
}

/** Small, and without an iterator: what runs often at a start is compiled while the start waits. */
export function isOf(text: string, characters: string): boolean {
  for (let at = 0; at < text.length; at++) if (!characters.includes(text[at]!)) return false;
  return true;
}

function holdsSpace(text: string): boolean {
  return text !== text.trim() || text.includes(" ");
}
