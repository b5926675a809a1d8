/**
 * What a screen is made of: lines of coloured pieces, each line exactly as wide as it was asked
 * for. All text passes `printable` here, so no view can forget it (T1); colour is added after.
 */

import stringWidth from "string-width";
import { printable } from "../src/base/printable.ts";

/** What a text means; which colour that is, the theme decides. Words come first, colours second. */
export type Tone =
  | "plain"
  | "ok"
  | "bad"
  | "warn"
  | "dim"
  | "info"
  | "strong"
  | "picked"
  | "cursor";

export interface Cell {
  readonly text: string;
  /** Columns on the screen; absent: as wide as the text, and the last cell of a line fills it. */
  readonly width?: number;
  readonly align?: "left" | "right";
  readonly tone?: Tone;
}

export interface Piece {
  readonly text: string;
  readonly tone: Tone;
}

/** One row of the screen; its pieces together have the width it was made for. */
export type Line = readonly Piece[];

/** Cells beside each other, `gap` columns apart, filled or cut to `width`. */
export function toLine(cells: readonly (Cell | string)[], width: number, gap = 1): Line {
  const pieces: Piece[] = [];
  let left = width;
  for (const [at, one] of cells.entries()) {
    const cell = typeof one === "string" ? { text: one } : one;
    if (at > 0 && gap > 0) left -= push(pieces, " ".repeat(Math.min(gap, left)), "plain");
    if (left <= 0) break;
    const last = at === cells.length - 1;
    const wanted = cell.width ?? (last ? left : widthOf(cell.text, left));
    const text = fit(cell.text, Math.min(wanted, left), cell.align);
    left -= push(pieces, text, cell.tone ?? "plain");
  }
  push(pieces, " ".repeat(Math.max(0, left)), "plain");
  return pieces;
}

function push(pieces: Piece[], text: string, tone: Tone): number {
  if (text === "") return 0;
  const last = pieces.at(-1);
  // Fewer pieces are fewer nodes to draw.
  if (last?.tone === tone) pieces[pieces.length - 1] = { text: last.text + text, tone };
  else pieces.push({ text, tone });
  return columns(text);
}

/** `text` as exactly `width` columns: escaped, cut with `…`, filled with spaces. */
export function fit(text: string, width: number, align: "left" | "right" = "left"): string {
  if (width <= 0) return "";
  const start = beginning(text, width);
  const safe = printable(start);
  const wide = columns(safe);
  const whole = start.length === text.length;
  if (wide === width && whole) return safe;
  if (wide < width && whole) {
    const fill = " ".repeat(width - wide);
    return align === "right" ? fill + safe : safe + fill;
  }
  const cut = `${head(safe, width - 1)}…`;
  return cut + " ".repeat(width - columns(cut));
}

/** Columns that a text takes, as far as they matter where `width` are left. */
function widthOf(text: string, width: number): number {
  return columns(printable(beginning(text, width)));
}

/**
 * What of a text can be seen in so many columns, and more: texts from outside can be long or pile
 * up marks that take no column, and measuring them whole would stop the screen.
 */
function beginning(text: string, width: number): string {
  const most = Math.max(0, width) * 8 + 64;
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most);
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The longest beginning of a safe text that is at most `width` columns wide. */
function head(text: string, width: number): string {
  if (isPlain(text)) return text.slice(0, width);
  let used = 0;
  for (const { segment, index } of segmenter.segment(text)) {
    used += segmentWidth(segment);
    if (used > width) return text.slice(0, index);
  }
  return text;
}

const segmentWidths = new Map<string, number>();

/** Measuring one takes a microsecond, and a screen of such letters has thousands. */
function segmentWidth(segment: string): number {
  if (segment.length > 8) return stringWidth(segment);
  let width = segmentWidths.get(segment);
  if (width === undefined) {
    width = stringWidth(segment);
    if (segmentWidths.size >= 4_096) segmentWidths.clear();
    segmentWidths.set(segment, width);
  }
  return width;
}

/** Columns a safe text takes on a terminal. */
export function columns(text: string): number {
  return isPlain(text) ? text.length : stringWidth(text);
}

/** Nothing but ASCII and our own single glyphs: as wide as it is long. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const glyph = (code >= 0x2500 && code <= 0x259f) || code === 0x2026;
    if (code >= 0x7f && !glyph) return false;
  }
  return true;
}

/** Longer than any field of the contract: what comes after it nobody scrolls to. */
const wrapChars = 2_048;

/** Text as lines of at most `width`, broken at spaces where there are some. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  const cut = text.length > wrapChars ? `${beginning(text, wrapChars / 8 - 8)}…` : text;
  let rest = printable(cut).trimEnd();
  while (width > 0) {
    const start = beginning(rest, width);
    if (start.length === rest.length && columns(rest) <= width) break;
    const most = head(start, width);
    const space = rest[most.length] === " " ? most.length : most.lastIndexOf(" ");
    // A single character can be wider than the line: it goes there whole, and is cut by `fit`.
    const end = space > 0 ? space : Math.max(most.length, firstLength(start));
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}

function firstLength(text: string): number {
  for (const { segment } of segmenter.segment(text)) return segment.length;
  return 1;
}

/**
 * The line above a pane: `─ In flight 3 ───── soonest deadline first ─`. `left` is cut before
 * `right`.
 */
export function heading(left: string, right: string, width: number, tone: Tone = "strong"): Line {
  const end = right === "" ? "" : ` ${printable(beginning(right, width))} ─`;
  const room = width - columns(end) - 3;
  const wanted = widthOf(left, width);
  if (room < wanted && end !== "" && room < 8) return heading(left, "", width, tone);
  const name = fit(left, Math.max(0, Math.min(room, wanted)));
  const fill = "─".repeat(Math.max(0, width - columns(name) - columns(end) - 3));
  return toLine(
    [
      { text: "─ ", tone: "dim" },
      { text: name, tone },
      { text: ` ${fill}${end}`, tone: "dim" },
    ],
    width,
    0,
  );
}

/** The first text that fits whole; the last one where none does. */
export function fitting(texts: readonly string[], width: number): string {
  return texts.find((text) => columns(printable(text)) <= width) ?? texts.at(-1) ?? "";
}

/** A pane is always as high as its place: cut, or filled with empty lines. */
export function toHeight(lines: readonly Line[], rows: number, width: number): readonly Line[] {
  const shown = lines.slice(0, Math.max(0, rows));
  const empty = toLine([""], width);
  return [...shown, ...Array.from({ length: Math.max(0, rows - shown.length) }, () => empty)];
}

/** Two panes beside each other, a rule between them; `left` and `right` are equally high. */
export function beside(left: readonly Line[], right: readonly Line[]): readonly Line[] {
  return left.map((line, at) => [...line, { text: "│", tone: "dim" }, ...(right[at] ?? [])]);
}

/** `█████░░░`: the part of `width` that `share` (0 to 1) is. */
export function bar(share: number, width: number): string {
  const part = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
  const full = Math.round(part * width);
  return "█".repeat(full) + "░".repeat(width - full);
}

const steps = "▁▂▃▄▅▆▇█";

/** The last `width` values, the largest of them as `█`; zeros and nothing at all as `▁`. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const most = Math.max(...shown, 0);
  const step = (value: number) =>
    most <= 0 ? 0 : Math.round((Math.max(0, value) / most) * (steps.length - 1));
  return shown.map((value) => steps[step(value)]).join("");
}

/** `14:22:07`, in the zone of this terminal. */
export function clock(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

/** `14:22:07.041` */
export function clockMs(ms: number): string {
  return `${clock(ms)}.${String(Math.floor(ms) % 1000).padStart(3, "0")}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** What something took: `0.4ms 12ms 3.1s 30.0s 3m20s 2h05m 3d02h`. */
export function took(ms: number): string {
  if (ms < 0) return took(0);
  if (ms < 9.95 && !Number.isInteger(ms)) return `${ms.toFixed(1)}ms`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  return span(ms);
}

/** How long something lasts, in whole seconds: `9s 3m20s 2h05m 3d02h`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** A limit as it is written in the config: `30s 10m 2h`, whole units without their zeros. */
export function limitText(ms: number): string {
  if (ms < 60_000) return took(ms).replace(".0s", "s");
  const [whole = "", rest = ""] = span(ms).split(/(?<=[mhd])/);
  return rest.startsWith("00") ? whole : whole + rest;
}

/** What is left until a deadline: whole seconds above 10 s, tenths below. */
export function countdown(ms: number): string {
  if (ms >= 10_000) return span(Math.ceil(ms / 1000) * 1000);
  return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
}

/** `18,422` */
export function amount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
