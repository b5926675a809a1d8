/**
 * What a screen is: pure functions from what is known (live.ts) and where the reader is (ui.ts) to
 * lines. No React, no clock, no I/O: a test draws every screen without a terminal.
 */

import type { Field } from "../src/base/filter.ts";
import type { Line } from "./cells.ts";
import type { Live } from "./live.ts";

export type ScreenId = "calls" | "servers" | "tools" | "health";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** All that a view may look at. */
export interface Scene {
  readonly live: Live;
  /** Where the reader is on this screen. */
  readonly page: Page;
  /** Wall ms of the gateway's clock, already corrected for the difference to ours. */
  readonly now: number;
  /** The picture stands still: how many calls ended since. undefined: it moves. */
  readonly paused: number | undefined;
  /** Why nothing can be changed from here; undefined where it can. */
  readonly readOnly: string | undefined;
}

/** Where the reader is on one screen. Rows are named by id: what arrives never moves a choice. */
export interface Page {
  /** Which of `Screen.lists` has the cursor. */
  readonly pane: number;
  /** By pane; undefined: the first row. */
  readonly picked: readonly (Place | undefined)[];
  /** Nothing was picked by hand: the first row stays picked, whatever arrives. */
  readonly follow: boolean;
  /** Words of the filter grammar, "" for none. */
  readonly filter: string;
  /** The filter before it was taken away: `n` goes on to its rows. */
  readonly sought: string;
  /** Index into `Screen.orders`. */
  readonly order: number;
  readonly reverse: boolean;
  /** The pane with the cursor has the whole body. */
  readonly zoom: boolean;
  /** Tools that the key does not see are left out (`i`). */
  readonly hidden: boolean;
  /** Id whose detail is open as a page. */
  readonly open: string | undefined;
  /** Index into `Screen.tabs`. */
  readonly tab: number;
  /** First line shown of the detail. */
  readonly scroll: number;
  /** Columns the rows are moved to the left. */
  readonly sideways: number;
}

export interface Place {
  readonly id: string;
  /** Index it had: where the choice goes when the row is gone. */
  readonly at: number;
  /** Row of the pane it is shown in: the view does not move under the reader. */
  readonly row: number;
}

/** The rows of one pane with a cursor, in the order shown, and how many fit. */
export interface List {
  readonly ids: readonly string[];
  readonly rows: number;
}

export interface Screen {
  readonly id: ScreenId;
  /** The number that leads to it. */
  readonly digit: string;
  readonly title: string;
  /** In row 2 of a narrow terminal. */
  readonly short: string;
  /** Filter and sorting done. The reducer moves in these; `size` is the body's. */
  lists(scene: Scene, size: Size): readonly List[];
  /** The body: exactly `size.rows` lines of `size.columns` (see toHeight, toLine). */
  view(scene: Scene, size: Size): readonly Line[];
  /** The page behind `enter` on a narrow terminal, for the row that `page.open` names. */
  detail?(scene: Scene, size: Size): readonly Line[];
  /** Names of columns, for `o`; the first is the order at the start. */
  readonly orders: readonly string[];
  /** What `/` understands here; `page.filter` was parsed with these without a fault. */
  readonly fields: readonly Field[];
  /** Things in trouble, for the badge in row 2: `2 Servers!1`. */
  troubles?(live: Live): number;
  /** Names of the detail's tabs. */
  readonly tabs?: readonly string[];
}

export const firstPage: Page = {
  ...{ pane: 0, picked: [], follow: true, filter: "", sought: "", order: 0, reverse: false },
  ...{ zoom: false, hidden: false, open: undefined, tab: 0, scroll: 0, sideways: 0 },
};

/** What is shown of a list, and which of its rows is picked; -1 where it is empty. */
export function windowOf(
  list: List,
  place: Place | undefined,
): { readonly start: number; readonly end: number; readonly picked: number } {
  const { ids, rows } = list;
  const picked = pickedIn(ids, place);
  const row = Math.min(place?.row ?? 0, Math.max(0, rows - 1));
  const start = Math.max(0, Math.min(picked - row, ids.length - rows));
  return { start, end: Math.min(ids.length, start + rows), picked };
}

/** The row of an id; when it is gone, whatever stands where it stood. */
export function pickedIn(ids: readonly string[], place: Place | undefined): number {
  if (ids.length === 0) return -1;
  if (place === undefined) return 0;
  // It is nearly always still where it was, or near.
  if (ids[place.at] === place.id) return place.at;
  const found = ids.indexOf(place.id);
  return found >= 0 ? found : Math.min(place.at, ids.length - 1);
}

/** Room for the list and a preview beside it; `size` is the body's. */
export function isWide(size: Size): boolean {
  return size.columns >= 120 && size.rows >= 26;
}

/** Columns of list and preview when both are shown: the preview takes what is over 101, to 90. */
export function splitColumns(width: number): { readonly list: number; readonly preview: number } {
  const preview = Math.min(90, Math.max(46, width - 102));
  return { list: width - preview - 1, preview };
}
