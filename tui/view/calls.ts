/** Screen 1: calls in flight with what is left of their time, and the last ended ones. */

import type { LiveCall } from "../../src/admin/contract.ts";
import { callFields } from "../../src/base/call-fields.ts";
import { roundSize } from "../../src/base/round-size.ts";
import {
  amount,
  bar,
  beside,
  type Cell,
  clock,
  countdown,
  heading,
  type Line,
  limitText,
  type Tone,
  toHeight,
  toLine,
  took,
} from "../cells.ts";
import type { Live } from "../live.ts";
import { callOrders, recentRows, runningRows } from "../rows.ts";
import {
  isWide,
  type List,
  type Page,
  type Scene,
  type Screen,
  type Size,
  splitColumns,
  windowOf,
} from "../screen.ts";
import { paneOf } from "../ui.ts";
import { callLines, callTabs, decisionText, outcomeTone, stageWords } from "./call.ts";

export const calls: Screen = {
  ...{ id: "calls", digit: "1", title: "Calls", short: "Call" },
  ...{ orders: callOrders, fields: callFields, tabs: callTabs },
  lists: (scene, size) => layout(scene, size).lists,
  view,
  detail: (scene, size) => {
    const { open = "" } = scene.page;
    const call = callOf(scene.live, open);
    if (call === undefined) return toHeight([gone(open, size.columns)], size.rows, size.columns);
    return callLines(call, scene, size, true);
  },
};

/** A call that is shown, by its id. */
export function callOf(live: Live, id: string): LiveCall | undefined {
  return live.running.find((call) => call.id === id) ?? live.recent.find((call) => call.id === id);
}

function gone(id: string, width: number): Line {
  return toLine([`  ${id}: older rows are gone; its receipt is kept`], width);
}

interface Layout {
  readonly running: readonly LiveCall[];
  readonly recent: readonly LiveCall[];
  readonly lists: readonly [List, List];
  /** Rows of each pane, headings included. */
  readonly top: number;
  readonly bottom: number;
}

/** The top pane has at most a third of the body, unless it is zoomed. */
function layout(scene: Scene, size: Size): Layout {
  const { live, page, now } = scene;
  const running = runningRows(live.running, page, now);
  const recent = recentRows(live.recent, page, now);
  const only = page.zoom
    ? paneOf(
        [
          { ids: running.map(idOf), rows: 0 },
          { ids: recent.ids, rows: 0 },
        ],
        page,
      )
    : -1;
  const third = Math.max(1, Math.floor(size.rows / 3) - 1);
  const want = Math.max(1, Math.min(running.length, third)) + (running.length > third ? 1 : 0);
  const top = only === 0 ? size.rows : only === 1 ? 0 : want + 1;
  const bottom = size.rows - top;
  const more = running.length > top - 1 ? 1 : 0;
  return {
    running,
    recent: recent.rows,
    lists: [
      { ids: running.map(idOf), rows: Math.max(0, top - 1 - more) },
      { ids: recent.ids, rows: Math.max(0, bottom - 2) },
    ],
    top,
    bottom,
  };
}

function idOf(call: LiveCall): string {
  return call.id;
}

function view(scene: Scene, size: Size): readonly Line[] {
  if (!isWide(size) || scene.page.zoom) return list(scene, size);
  const split = splitColumns(size.columns);
  const left = { columns: split.list, rows: size.rows };
  const right = { columns: split.preview, rows: size.rows };
  const { lists, running, recent } = layout(scene, left);
  const pane = paneOf(lists, scene.page);
  const { picked } = windowOf(lists[pane] ?? lists[1], scene.page.picked[pane]);
  const call = (pane === 0 ? running : recent)[picked];
  const preview =
    call === undefined
      ? toHeight([toLine(["  no call is picked"], right.columns)], right.rows, right.columns)
      : callLines(call, scene, right, false);
  return beside(list(scene, left), preview);
}

function list(scene: Scene, size: Size): readonly Line[] {
  const made = layout(scene, size);
  const pane = paneOf(made.lists, scene.page);
  const top = runningPane(scene, made, size.columns, pane === 0);
  const bottom = recentPane(scene, made, size.columns, pane === 1);
  return [...toHeight(top, made.top, size.columns), ...toHeight(bottom, made.bottom, size.columns)];
}

function runningPane(scene: Scene, made: Layout, width: number, focus: boolean): readonly Line[] {
  const { running, lists } = made;
  const { link } = scene.live;
  const lost = link.state === "lost";
  const all = scene.live.running.filter(goesOn).length;
  const few = running.filter(goesOn).length;
  const count = few === all ? `${all}` : `${few} of ${all}`;
  const head = heading(
    `In flight ${count}${lost ? " when lost" : ""}`,
    lost ? "countdowns stopped" : "soonest deadline first",
    width,
  );
  if (running.length === 0)
    return [head, toLine([{ text: emptyWords(scene), tone: "dim" }], width)];
  const { start, end, picked } = windowOf(lists[0], scene.page.picked[0]);
  // Lost: nothing is known of how the time went on.
  const now = lost ? link.heardMs : scene.now;
  const lines = running.slice(start, end).map((call, at) => {
    return runningLine(call, now, width, focus && start + at === picked, scene.page.sideways);
  });
  const hidden = running.length - (end - start);
  if (hidden > 0) {
    lines.push(toLine([{ text: `  … +${hidden} more, z shows all`, tone: "dim" }], width));
  }
  return [head, ...lines];
}

function goesOn(call: LiveCall): boolean {
  return call.stage !== "over";
}

function emptyWords({ live, page }: Scene): string {
  if (page.filter !== "" && live.running.length > 0) return "  none that the filter lets through";
  if (live.gateway === undefined) return "  waiting for the gateway";
  if (live.ended > 0) return "  none";
  if (live.servers.length === 0) return "  none: the config names no servers yet";
  return "  none: no agent has called a tool since the gateway started";
}

function runningLine(
  call: LiveCall,
  now: number,
  width: number,
  picked: boolean,
  sideways: number,
): Line {
  const over = call.stage === "over";
  const wide = width >= 100;
  const elapsed = over ? (call.tookMs ?? 0) : now - call.startedMs;
  const left = deadlineCells(call, now, wide);
  const cells: Cell[] = [
    { ...mark(picked), width: 1 },
    { text: shifted(call.tool, sideways), width: wide ? 30 : 21, ...pickedTone(picked) },
    { text: call.key, width: wide ? 14 : width >= 80 ? 11 : 0 },
    over
      ? { text: call.outcome ?? "", width: wide ? 14 : 8, tone: outcomeTone(call.outcome) }
      : { text: stageWords[call.stage], width: 8, tone: "info" },
    { text: took(elapsed), width: 6, align: "right" },
    ...left,
  ];
  return toLine(
    cells.filter((cell) => cell.width !== 0),
    width,
  );
}

/** `██████░░  8.6s of 30s idle`; under 25 % left yellow, under 10 % red and the word `soon`. */
function deadlineCells(call: LiveCall, now: number, wide: boolean): readonly Cell[] {
  const { deadline } = call;
  if (deadline === null) {
    return [{ text: call.stage === "over" ? (call.why ?? "") : "no deadline yet", tone: "dim" }];
  }
  const left = Math.max(0, deadline.atMs - now);
  const share = deadline.limitMs > 0 ? left / deadline.limitMs : 0;
  const tone: Tone = share < 0.1 ? "bad" : share < 0.25 ? "warn" : "plain";
  const soon = share < 0.1 ? "soon " : "";
  const { setting } = deadline;
  // The server stands in the row already.
  const own = setting.startsWith("servers.") ? setting.split(".").slice(2).join(".") : setting;
  const name = wide ? soon + own : soon || deadline.which;
  return [
    { text: bar(share, wide ? 14 : 8), width: wide ? 14 : 8, tone },
    { text: countdown(left), width: 6, align: "right", tone },
    { text: `of ${limitText(deadline.limitMs)} ${name}`, tone },
  ];
}

function recentPane(scene: Scene, made: Layout, width: number, focus: boolean): readonly Line[] {
  const { recent, lists } = made;
  const { start, end, picked } = windowOf(lists[1], scene.page.picked[1]);
  const lines = recent.slice(start, end).map((call, at) => {
    return recentLine(call, width, focus && start + at === picked, scene.page.sideways);
  });
  if (recent.length === 0) lines.push(toLine([{ text: noneWords(scene), tone: "dim" }], width));
  return [recentHeading(scene, recent.length, width), columnsLine(width, scene.page), ...lines];
}

function noneWords({ live, page }: Scene): string {
  if (page.filter !== "" && live.recent.length > 0) return "  none that the filter lets through";
  return "  none yet";
}

/** Count, filter, sort, follow or pause: nothing is left out without a number. */
function recentHeading(scene: Scene, shown: number, width: number): Line {
  const { live, page, paused } = scene;
  const order = callOrders[page.order] ?? "time";
  const sort =
    order === "time" && !page.reverse ? "" : `sort ${order}${page.reverse ? " ↑" : ""}   `;
  const flow =
    paused !== undefined
      ? `PAUSED, ${amount(paused)} new   p resume`
      : page.picked[1] === undefined
        ? "follow on"
        : "follow off";
  const filter = `filter ${page.filter === "" ? "none" : page.filter}`;
  const older = live.ended > live.recent.length ? ", older rows gone" : "";
  const count = `${amount(shown)} of ${amount(live.ended)}${width >= 100 ? older : ""}`;
  const tone = paused === undefined ? "strong" : "warn";
  return heading("Recent", `${sort}${flow}   ${count}   ${filter}`, width, tone);
}

interface Columns {
  readonly tool: number;
  /** 0: left out. */
  readonly key: number;
  readonly bytes: number;
  readonly receipt: number;
  readonly why: boolean;
}

/** Under 80 columns KEY goes, then WHY. */
function columnsFor(width: number): Columns {
  if (width >= 130) return { tool: 32, key: 16, bytes: 9, receipt: 24, why: true };
  if (width >= 100) return { tool: 28, key: 13, bytes: 0, receipt: 0, why: true };
  if (width >= 80) return { tool: 21, key: 11, bytes: 0, receipt: 0, why: true };
  if (width >= 70) return { tool: width - 47, key: 11, bytes: 0, receipt: 0, why: false };
  return { tool: width - 37, key: 0, bytes: 0, receipt: 0, why: false };
}

function columnsLine(width: number, page: Page): Line {
  const { tool, key, bytes: size, receipt, why } = columnsFor(width);
  const order = callOrders[page.order];
  const name = (text: string, by?: string): string =>
    by === order && by !== "time" ? `${text}*` : text;
  const cells: Cell[] = [
    { text: "", width: 1 },
    { text: "TIME", width: 8 },
    { text: name("SERVER/TOOL", "tool"), width: tool },
    { text: name("KEY", "key"), width: key },
    { text: name("OUTCOME", "outcome"), width: 14 },
    { text: name("TOOK", "took"), width: 6, align: "right" },
    { text: "IN+OUT", width: size, align: "right" },
    { text: "RECEIPT", width: receipt },
    { text: why ? "WHY" : "" },
  ];
  return toLine(
    cells.filter(kept).map((cell) => ({ ...cell, tone: "dim" })),
    width,
  );
}

function recentLine(call: LiveCall, width: number, picked: boolean, sideways: number): Line {
  const { tool, key, bytes: size, receipt, why } = columnsFor(width);
  const cells: Cell[] = [
    { ...mark(picked), width: 1 },
    { text: clock(call.startedMs), width: 8, tone: "dim" },
    { text: shifted(call.tool, sideways), width: tool, ...pickedTone(picked) },
    { text: call.key, width: key },
    { text: call.outcome ?? "", width: 14, tone: outcomeTone(call.outcome) },
    { text: took(call.tookMs ?? 0), width: 6, align: "right" },
    {
      text: roundSize(call.argsBytes + call.resultBytes),
      width: size,
      align: "right",
      tone: "dim",
    },
    { text: call.receipt ?? "", width: receipt, tone: "dim" },
    { text: why ? shifted(whyText(call, width), sideways) : "", tone: "dim" },
  ];
  return toLine(cells.filter(kept), width);
}

function kept(cell: Cell): boolean {
  return cell.width !== 0;
}

/** The rule and where it stands, or what went wrong. A plain ok has nothing to say when narrow. */
function whyText(call: LiveCall, width: number): string {
  const [wide, whole] = [width >= 100, width >= 130];
  if (call.outcome === "ok") return wide ? decisionText(call, whole ? "full" : "line") : "";
  if (call.outcome === "denied" || call.outcome === "held") {
    const rule = decisionText(call, whole ? "full" : "line");
    return rule === "" ? (call.code ?? call.why ?? "") : rule;
  }
  return call.why ?? call.code ?? "";
}

/** The beginning of a long name goes when the reader moves sideways. */
function shifted(text: string, sideways: number): string {
  if (sideways === 0) return text;
  return text.length > sideways ? `…${text.slice(sideways)}` : text;
}

function mark(picked: boolean): Cell {
  return picked ? { text: ">", tone: "picked" } : { text: " " };
}

function pickedTone(picked: boolean): { readonly tone?: Tone } {
  return picked ? { tone: "picked" } : {};
}
