/**
 * Where the reader is, as plain data: what is shown, asked and typed. reduce.ts says what each key
 * makes of it.
 */

import type { Tone } from "./cells.ts";
import type { Field } from "./field.ts";
import type { Live } from "./live.ts";
import {
  firstPage,
  type List,
  type Page,
  pickedIn,
  type Scene,
  type Screen,
  type ScreenId,
  type Size,
} from "./screen.ts";

export interface Ui {
  readonly size: Size;
  readonly screen: ScreenId;
  readonly pages: Readonly<Record<ScreenId, Page>>;
  readonly mode: Mode;
  readonly toast:
    | { readonly text: string; readonly tone: Tone; readonly untilMs: number }
    | undefined;
  /** Calls that had ended when the picture was stopped; undefined: it moves. */
  readonly pausedAt: number | undefined;
  /** Command lines, newest last. */
  readonly history: readonly string[];
  /** Between two pictures. */
  readonly refreshMs: number;
  readonly theme: "auto" | "mono";
  /** When ctrl-c was pressed once: a second one soon after leaves. */
  readonly interruptedMs: number;
}

export type Mode =
  | { readonly kind: "keys" }
  | {
      readonly kind: "filter";
      readonly field: Field;
      readonly before: string;
      readonly fault: string;
    }
  | {
      readonly kind: "command";
      readonly field: Field;
      readonly fault: string;
      readonly back: number;
    }
  | { readonly kind: "ask"; readonly question: Question; readonly sinceMs: number }
  | { readonly kind: "copy"; readonly id: string }
  | { readonly kind: "help"; readonly scroll: number };

/** Answers are one key each. What is asked about is named by id, never "the current row". */
export interface Question {
  readonly text: string;
  readonly answers: readonly {
    readonly key: string;
    readonly label: string;
    /** undefined: nothing happens. */
    readonly effect: Effect | undefined;
  }[];
  /** The question closes with this reason when it gives one. */
  readonly moot?: (live: Live) => string | undefined;
}

/** What the reducer cannot do itself; effects.ts does it. */
export type Effect =
  | { readonly run: "leave"; readonly stopGateway: boolean }
  | { readonly run: "redraw" | "suspend" | "reconnect" | "save" }
  | { readonly run: "copy"; readonly label: string; readonly text: string }
  /** `file` "": one in the user's cache. */
  | {
      readonly run: "export";
      readonly file: string;
      readonly screen: ScreenId;
      readonly rows: number;
      readonly text: string;
    }
  /** Asks the gateway for something; the answer goes to the store. */
  | { readonly run: "receipt"; readonly id: string }
  | { readonly run: "tools"; readonly key: string }
  | { readonly run: "why"; readonly tool: string; readonly key: string }
  /** Changes something: `done` is the toast when it is done. */
  | { readonly run: "act"; readonly action: Action; readonly done: string };

export type Action =
  | { readonly do: "cancel"; readonly call: string }
  | { readonly do: "extend"; readonly call: string; readonly ms: number }
  | { readonly do: "retry" | "restart" | "disable" | "enable"; readonly server: string };

export type Event =
  /** `alone`: nothing else came in the same read. */
  | { readonly kind: "key"; readonly key: string; readonly alone: boolean }
  | { readonly kind: "paste"; readonly text: string }
  | { readonly kind: "size"; readonly size: Size }
  | { readonly kind: "toast"; readonly text: string; readonly tone: Tone }
  /** A new picture. */
  | { readonly kind: "data" };

/** What the reducer may look at. */
export interface Env {
  readonly live: Live;
  readonly now: number;
  /** The same clock, going on while the picture is paused: for questions and messages. */
  readonly clockMs: number;
  /** Calls that ended so far, also while the picture is paused. */
  readonly ended: number;
  readonly screens: readonly Screen[];
  /** Why nothing can be changed from here; undefined where it can. */
  readonly readOnly: string | undefined;
  /** This interface started the gateway: leaving asks what becomes of it. */
  readonly ownsGateway: boolean;
  /** URL of the gateway's MCP endpoint, for curl. */
  readonly url: string;
}

/** What a command makes; a refusal says why. */
export type Outcome =
  | { readonly ui?: Ui; readonly effects?: readonly Effect[] }
  | { readonly refused: string }
  | { readonly question: Question };

export interface Next {
  readonly ui: Ui;
  readonly effects: readonly Effect[];
}

const toastMs = 6_000;

export function startUi(size: Size, refreshMs = 250): Ui {
  const pages = { calls: firstPage, servers: firstPage, tools: firstPage, health: firstPage };
  return {
    ...{ size, screen: "calls", pages, mode: { kind: "keys" }, toast: undefined },
    ...{ pausedAt: undefined, history: [], refreshMs, theme: "auto", interruptedMs: 0 },
  };
}

export function screenOf(ui: Ui, env: Pick<Env, "screens">): Screen {
  const found = env.screens.find((screen) => screen.id === ui.screen) ?? env.screens[0];
  if (found === undefined) throw new Error("there are no screens");
  return found;
}

export function sceneOf(ui: Ui, env: Env): Scene {
  const { live, now, readOnly } = env;
  const paused = ui.pausedAt === undefined ? undefined : env.ended - ui.pausedAt;
  return { live, now, readOnly, paused, page: ui.pages[ui.screen] };
}

/** Between row 2 and the row for messages. */
export function bodySize(size: Size): Size {
  return { columns: size.columns, rows: Math.max(0, size.rows - 4) };
}

export function withToast(ui: Ui, text: string, tone: Tone, env: Pick<Env, "clockMs">): Ui {
  return { ...ui, toast: { text, tone, untilMs: env.clockMs + toastMs } };
}

export function withPage(ui: Ui, change: Partial<Page>): Ui {
  const page = { ...ui.pages[ui.screen], ...change };
  return { ...ui, pages: { ...ui.pages, [ui.screen]: page } };
}

export interface Picked {
  readonly lists: readonly List[];
  /** The pane with the cursor: the chosen one, or the first that has rows. */
  readonly pane: number;
  readonly index: number;
  /** undefined: there are no rows. */
  readonly id: string | undefined;
}

/** The row the cursor is on. */
export function pickedOf(ui: Ui, env: Env): Picked {
  const scene = sceneOf(ui, env);
  return pickedAmong(screenOf(ui, env).lists(scene, bodySize(ui.size)), scene.page);
}

export function pickedAmong(lists: readonly List[], page: Page): Picked {
  const pane = paneOf(lists, page);
  const ids = lists[pane]?.ids ?? [];
  const index = pickedIn(ids, page.picked[pane]);
  return { lists, pane, index, id: ids[index] };
}

/** An empty pane has no cursor. */
export function paneOf(lists: readonly List[], page: Page): number {
  const wanted = Math.min(page.pane, Math.max(0, lists.length - 1));
  if ((lists[wanted]?.ids.length ?? 0) > 0) return wanted;
  const filled = lists.findIndex((list) => list.ids.length > 0);
  return filled >= 0 ? filled : wanted;
}
