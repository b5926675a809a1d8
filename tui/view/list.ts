/** What the lists of servers, tools and gauges share: heading, columns, the rows that fit. */

import {
  type Field,
  type Filter,
  type FilterRecord,
  matches,
  parseFilter,
} from "../../src/base/filter.ts";
import { type Cell, heading, type Line, toLine } from "../cells.ts";
import { type List, type Scene, type Size, windowOf } from "../screen.ts";
import { paneOf } from "../ui.ts";

export interface ListPane<T> {
  readonly heading: Line;
  /** Cells of width 0 are left out, here and in the rows. */
  readonly columns: readonly Cell[];
  readonly items: readonly T[];
  row(item: T): readonly Cell[];
  /** Where there are no items. */
  readonly none: string;
}

/** Rows that a pane has beside its items: heading and names of columns. */
export const listHead = 2;

/** Pane `pane` of the lists: exactly what `lists[pane]` says fits, and its head. */
export function listPane<T>(
  made: ListPane<T>,
  lists: readonly List[],
  pane: number,
  scene: Scene,
  width: number,
): readonly Line[] {
  const list = lists[pane] ?? { ids: [], rows: 0 };
  const focus = paneOf(lists, scene.page) === pane;
  const { start, end, picked } = windowOf(list, scene.page.picked[pane]);
  const rows = made.items.slice(start, end).map((item, at) => {
    const here = focus && start + at === picked;
    const mark: Cell = here ? { text: ">", width: 1, tone: "picked" } : { text: "", width: 1 };
    return toLine([mark, ...made.row(item).filter(hasWidth)], width);
  });
  if (rows.length === 0) rows.push(toLine([{ text: `  ${made.none}`, tone: "dim" }], width));
  const names = [{ text: "", width: 1 }, ...made.columns.filter(hasWidth)];
  const head = toLine(
    names.map((cell) => ({ ...cell, tone: "dim" })),
    width,
  );
  return [made.heading, head, ...rows];
}

function hasWidth(cell: Cell): boolean {
  return cell.width !== 0;
}

/** Pause, sort and filter: what makes the list other than all there is, in its usual order. */
export function listHeading(
  left: string,
  right: string,
  orders: readonly string[],
  { page, paused }: Scene,
  width: number,
): Line {
  const order = orders[page.order] ?? orders[0];
  const usual = page.order === 0 && !page.reverse;
  const parts = [
    ...(paused === undefined ? [] : ["PAUSED   p resume"]),
    ...(page.filter === "" ? [] : [`filter ${page.filter}`]),
    ...(right === "" ? [] : [right]),
    ...(usual && right !== "" ? [] : [`sort ${order}${page.reverse ? " reversed" : ""}`]),
  ];
  return heading(left, parts.join("   "), width, paused === undefined ? "strong" : "warn");
}

/** A page's filter was parsed before it was put there; undefined lets everything through. */
export function keeper<T>(
  text: string,
  fields: readonly Field[],
  record: (item: T) => FilterRecord,
): (item: T) => boolean {
  const filter = filterOf(text, fields);
  return (item) => filter === undefined || matches(filter, record(item));
}

function filterOf(text: string, fields: readonly Field[]): Filter | undefined {
  if (text === "") return undefined;
  const parsed = parseFilter(text, fields);
  return parsed.ok ? parsed.value : undefined;
}

/** Sorted by the page's order; `compares` in the order of `orders`. */
export function inOrder<T>(
  items: readonly T[],
  compares: readonly ((a: T, b: T) => number)[],
  { page }: Scene,
): readonly T[] {
  const compare = compares[page.order] ?? compares[0];
  const sorted = compare === undefined ? [...items] : [...items].sort(compare);
  return page.reverse ? sorted.reverse() : sorted;
}

export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How many rows of a body of `size` a list of `count` gets when its detail stands below it. */
export function listRows(count: number, size: Size): number {
  const most = Math.max(1, Math.floor(size.rows * 0.6) - listHead);
  return Math.max(1, Math.min(count, most));
}

/** What the named columns of a list leave for the last one, which has no width. */
export function restOf(columns: readonly Cell[], width: number): number {
  const used = columns.filter(({ width: own }) => own !== 0).map(({ width: own = -1 }) => own + 1);
  return Math.max(0, width - 2 - used.reduce((sum, one) => sum + one, 0));
}

/** The beginning of a long text goes when the reader moves sideways. */
export function shifted(text: string, { page }: Scene): string {
  if (page.sideways === 0) return text;
  return text.length > page.sideways ? `…${text.slice(page.sideways)}` : text;
}
