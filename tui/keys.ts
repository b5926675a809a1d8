/**
 * The keymap as data. Help, the last row, docs/tui.md and the test for clashes are made from it;
 * command ids are those of the CLI where it has the verb, so that `:` and a key run the same row.
 */

import type { ScreenId } from "./screen.ts";

/** Where a key counts. `call` is the open detail of a call. */
export type Context = "everywhere" | "call" | ScreenId;

export interface KeyRow {
  readonly in: readonly Context[];
  /** Names as app.tsx gives them: a character, `up`, `ctrl-d`, `shift-tab`, … */
  readonly keys: readonly string[];
  readonly command: string;
  readonly group: "move" | "look" | "act" | "leave";
  /** For help, no full stop. */
  readonly help: string;
  /** One or two words for the last row; absent: help only. */
  readonly foot?: string;
  /** A question comes before it is done. */
  readonly asks?: true;
  /** Changes something: needs a key with this role, and is refused with --read-only. */
  readonly role?: "operator";
}

const everywhere = ["everywhere"] as const;
const onCalls = ["calls", "call"] as const;

export const keymap: readonly KeyRow[] = [
  {
    ...{ in: everywhere, keys: ["return"], command: "open", group: "move" },
    ...{ help: "open", foot: "open" },
  },
  { in: everywhere, keys: ["escape"], command: "back", group: "move", help: "back" },
  { in: everywhere, keys: ["j", "down"], command: "down", group: "move", help: "next row" },
  { in: everywhere, keys: ["k", "up"], command: "up", group: "move", help: "row before" },
  { in: everywhere, keys: ["g", "home"], command: "first", group: "move", help: "first row" },
  { in: everywhere, keys: ["G", "end"], command: "last", group: "move", help: "last row" },
  {
    ...{ in: everywhere, keys: ["ctrl-d", "pagedown"], command: "half down", group: "move" },
    help: "half a page down",
  },
  {
    ...{ in: everywhere, keys: ["ctrl-u", "pageup"], command: "half up", group: "move" },
    help: "half a page up",
  },
  {
    ...{ in: everywhere, keys: ["l", "right"], command: "rightwards", group: "move" },
    help: "half a screen right",
  },
  {
    ...{ in: everywhere, keys: ["h", "left"], command: "leftwards", group: "move" },
    help: "half a screen left",
  },
  {
    ...{ in: everywhere, keys: ["tab"], command: "next pane", group: "move" },
    help: "next pane or tab",
  },
  {
    ...{ in: everywhere, keys: ["shift-tab"], command: "previous pane", group: "move" },
    help: "pane or tab before",
  },
  {
    ...{ in: everywhere, keys: ["]"], command: "next item", group: "move" },
    help: "next item",
  },
  { in: everywhere, keys: ["["], command: "previous item", group: "move", help: "item before" },
  { in: everywhere, keys: ["1"], command: "calls", group: "move", help: "screen Calls" },
  { in: everywhere, keys: ["2"], command: "servers", group: "move", help: "screen Servers" },
  { in: everywhere, keys: ["3"], command: "tools", group: "move", help: "screen Tools" },
  { in: everywhere, keys: ["6"], command: "health", group: "move", help: "screen Health" },
  {
    ...{ in: everywhere, keys: ["4", "5", "7", "8"], command: "later", group: "move" },
    help: "not in this version",
  },
  {
    ...{ in: everywhere, keys: ["/"], command: "filter", group: "look" },
    ...{ help: "filter, see below", foot: "filter" },
  },
  { in: everywhere, keys: ["n"], command: "next match", group: "look", help: "next match" },
  { in: everywhere, keys: ["N"], command: "previous match", group: "look", help: "match before" },
  { in: everywhere, keys: ["f"], command: "follow", group: "look", help: "follow the newest" },
  {
    ...{ in: everywhere, keys: ["p"], command: "pause", group: "look" },
    ...{ help: "pause the screen only", foot: "pause" },
  },
  { in: everywhere, keys: ["o"], command: "order", group: "look", help: "sort by next column" },
  { in: everywhere, keys: ["O"], command: "reverse", group: "look", help: "sort the other way" },
  { in: everywhere, keys: ["z"], command: "zoom", group: "look", help: "this pane alone" },
  {
    ...{ in: everywhere, keys: ["i"], command: "hidden", group: "look" },
    help: "rows left out, on or off",
  },
  {
    ...{ in: everywhere, keys: ["ctrl-l"], command: "redraw", group: "look" },
    help: "draw the screen anew",
  },
  { in: everywhere, keys: ["?"], command: "help", group: "look", help: "this help" },
  { in: everywhere, keys: [":"], command: "command", group: "look", help: "a command by name" },
  {
    ...{ in: everywhere, keys: ["y"], command: "copy", group: "act" },
    ...{ help: "copy as curl, JSON, CLI", foot: "copy" },
  },
  {
    ...{ in: everywhere, keys: ["w"], command: "save", group: "act" },
    help: "save the screen as text",
  },
  {
    ...{ in: onCalls, keys: ["x"], command: "calls cancel", group: "act", asks: true },
    ...{ role: "operator", help: "cancel the call", foot: "cancel" },
  },
  {
    ...{ in: onCalls, keys: ["+"], command: "calls extend", group: "act", asks: true },
    ...{ role: "operator", help: "give the call more time", foot: "extend" },
  },
  {
    ...{ in: ["calls", "call", "tools", "health"], keys: ["r"], command: "reconnect" },
    ...{ group: "look", help: "try a lost gateway now" },
  },
  { in: onCalls, keys: ["s"], command: "its server", group: "move", help: "the call's server" },
  { in: onCalls, keys: ["t"], command: "its tool", group: "move", help: "the call's tool" },
  {
    ...{ in: ["servers"], keys: ["r"], command: "servers retry", group: "act" },
    ...{ role: "operator", asks: true, help: "try to reach it now", foot: "retry" },
  },
  {
    ...{ in: ["servers"], keys: ["R"], command: "servers restart", group: "act" },
    ...{ role: "operator", asks: true, help: "restart the server", foot: "Restart" },
  },
  {
    ...{ in: ["servers"], keys: ["D"], command: "servers disable", group: "act" },
    ...{ role: "operator", asks: true, help: "disable or enable it", foot: "Disable" },
  },
  {
    ...{ in: ["servers"], keys: ["c"], command: "its calls", group: "move" },
    help: "the server's calls",
  },
  {
    ...{ in: ["tools"], keys: ["v"], command: "view as", group: "look" },
    ...{ help: "see as the next key", foot: "view as" },
  },
  {
    ...{ in: ["tools"], keys: ["c"], command: "its calls", group: "move" },
    help: "the tool's calls",
  },
  {
    ...{ in: everywhere, keys: ["ctrl-z"], command: "suspend", group: "leave" },
    help: "suspend; fg comes back",
  },
  {
    ...{ in: everywhere, keys: ["q"], command: "leave", group: "leave" },
    help: "leave, the gateway stays",
  },
  {
    ...{ in: everywhere, keys: ["ctrl-c"], command: "interrupt", group: "leave" },
    help: "twice: leave",
  },
];

/** Contexts that count on a screen, the nearest first. */
export function contexts(screen: ScreenId, detail: boolean): readonly Context[] {
  if (screen === "calls" && detail) return ["call", "everywhere"];
  return [screen, "everywhere"];
}

export function rowOf(key: string, active: readonly Context[]): KeyRow | undefined {
  return keymap.find((row) => row.keys.includes(key) && row.in.some((one) => active.includes(one)));
}

/** As a person reads it: `enter`, `space`. */
export function keyName(key: string): string {
  const names: Readonly<Record<string, string>> = {
    ...{ return: "enter", escape: "esc", " ": "space", up: "↑", down: "↓", left: "←", right: "→" },
    ...{ pagedown: "pgdn", pageup: "pgup" },
  };
  return names[key] ?? key;
}
