/** Every screen of the TUI as the demo shows it: for goldens, what they say, and pictures. */

import type { Line } from "../../tui/cells.ts";
import type { Size } from "../../tui/screen.ts";
import { type Env, withToast } from "../../tui/ui.ts";
import { frame } from "../../tui/view/frame.ts";
import { demoStore, envOf, press } from "./tui-demo.ts";

export interface Shot {
  /** Name of its golden. */
  readonly name: string;
  /** What is pressed; `type:` and text is typed. */
  readonly keys: readonly string[];
  /** ms after the demo opens; 0 if absent. */
  readonly at?: number;
  /** Whose eyes the tools are seen through. */
  readonly as?: string;
  readonly lost?: true;
  readonly readOnly?: true;
  readonly toast?: string;
}

const minute = 60_000;

export const shots: readonly Shot[] = [
  { name: "calls", keys: [] },
  { name: "calls-recent", keys: ["tab", "j", "j", "j"] },
  { name: "calls-filter", keys: ["/", "type:outcome:denied,timeout"] },
  { name: "calls-filter-wrong", keys: ["/", "type:outcom:denied"] },
  { name: "calls-cancel", keys: ["x"] },
  { name: "calls-extend", keys: ["+"] },
  { name: "calls-copy", keys: ["y"] },
  { name: "calls-paused", keys: ["p"] },
  { name: "calls-zoom", keys: ["tab", "z"] },
  { name: "calls-command", keys: [":", "type:server jira re"] },
  { name: "calls-read-only", keys: ["x"], readOnly: true },
  { name: "calls-lost", keys: [], lost: true },
  { name: "calls-toast", keys: [], toast: "jira: retry was asked for" },
  { name: "call", keys: ["return"] },
  { name: "call-denied", keys: ["/", "type:outcome:denied", "return", "tab", "return"] },
  { name: "call-json", keys: ["return", "tab", "tab"] },
  { name: "help", keys: ["?"] },
  { name: "servers", keys: ["2"] },
  { name: "servers-retry", keys: ["2", "r"] },
  { name: "servers-held-back", keys: ["2", "j"] },
  { name: "servers-stdio", keys: ["2", "j", "j", "j", "return"] },
  { name: "servers-crash", keys: ["2"], at: 4 * minute + 1_000 },
  { name: "server", keys: ["2", "return"] },
  { name: "tools", keys: ["3"] },
  { name: "tools-bad", keys: ["3", "/", "type:state:bad", "return"] },
  { name: "tools-depends", keys: ["3", "/", "type:query", "return", "return"] },
  { name: "tools-hidden", keys: ["3", "/", "type:push_files", "return", "return"] },
  { name: "tools-ci-bot", keys: ["3"], as: "ci-bot" },
  { name: "tools-nobody", keys: ["3"], as: "" },
  { name: "health", keys: ["6"] },
  { name: "health-unread", keys: ["6", "j", "j", "j", "j", "j", "j", "j"] },
  { name: "health-pool", keys: ["6"], at: 10.5 * minute },
  { name: "health-database-gone", keys: ["6"], at: 12.5 * minute },
  { name: "health-policy", keys: ["6", "j", "return"], at: 17.5 * minute },
];

export const sizes: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 30 },
  { columns: 160, rows: 48 },
];

export function sizeText({ columns, rows }: Size): string {
  return `${columns}x${rows}`;
}

/** By moment and eyes: a store that played for long is shared. */
const stores = new Map<string, Env>();

export function shotEnv({ at = 0, as = "claude-code", lost, readOnly }: Shot): Env {
  const name = `${at} ${as} ${lost}`;
  let env = stores.get(name);
  if (env === undefined) {
    const store = demoStore(at, as);
    if (lost) store.lost("admin.sock: connection refused", 4, 2_000);
    env = envOf(store);
    stores.set(name, env);
  }
  const later = lost ? { ...env, now: env.now + 9_000 } : env;
  return readOnly ? { ...later, readOnly: "--read-only was given" } : later;
}

/** Exactly `size.rows` lines. */
export function draw(shot: Shot, size: Size): readonly Line[] {
  const env = shotEnv(shot);
  const ui = press(size, shot.keys, env);
  return frame(shot.toast === undefined ? ui : withToast(ui, shot.toast, "ok", env), env);
}
