/** Screen 6: what can run out, how near that is, and what the gateway does about it now. */

import type { LiveGauge, LiveGauges } from "../../src/admin/contract.ts";
import type { Field } from "../../src/base/filter.ts";
import { roundSize } from "../../src/base/round-size.ts";
import {
  amount,
  bar,
  beside,
  type Cell,
  columns as columnsOf,
  fitting,
  heading,
  type Line,
  span,
  sparkline,
  type Tone,
  toHeight,
  toLine,
  took,
  wrap,
} from "../cells.ts";
import { isWide, type List, type Scene, type Screen, type Size, splitColumns } from "../screen.ts";
import { pickedAmong } from "../ui.ts";
import { fieldLines } from "./call.ts";
import {
  byText,
  inOrder,
  keeper,
  listHead,
  listHeading,
  listPane,
  restOf,
  shifted,
} from "./list.ts";

const orders = ["trouble", "share", "name"] as const;

const fields: readonly Field[] = [
  { name: "name", kind: "text", searched: true, doc: "what can run out" },
  { name: "state", kind: "word", words: ["ok", "trouble"], doc: "whether it is near its limit" },
  { name: "limit", kind: "text", searched: true, doc: "what happens at the limit" },
];

export const health: Screen = {
  ...{ id: "health", digit: "6", title: "Health", short: "Health", orders, fields },
  troubles: ({ gauges }) => (gauges === undefined ? 0 : troublesOf(gauges)),
  lists: (scene, size) => layout(scene, size).lists,
  view(scene, size) {
    if (!isWide(size) || scene.page.zoom) return main(scene, size);
    const split = splitColumns(size.columns);
    const { rows, lists } = layout(scene, size);
    const gauge = rows[pickedAmong(lists, scene.page).index];
    const right = [...gaugeLines(gauge, split.preview), ...gatewayLines(scene, split.preview)];
    return beside(
      main(scene, { columns: split.list, rows: size.rows }, true),
      toHeight(right, size.rows, split.preview),
    );
  },
  detail(scene, size) {
    const gauge = scene.live.gauges?.gauges.find(({ name }) => name === scene.page.open);
    const { columns } = size;
    const head = toLine([` Health > ${nameOf(scene.page.open ?? "")}`], columns);
    const body = [...gaugeLines(gauge, columns), ...gatewayLines(scene, columns)];
    const scroll = Math.max(0, Math.min(scene.page.scroll, body.length - size.rows + 1));
    return toHeight([head, ...body.slice(scroll)], size.rows, columns);
  },
};

function troublesOf({ gauges, store, spool }: LiveGauges): number {
  const full = gauges.filter(({ ok }) => !ok).length;
  const wellStored = store.ok && (store.pool?.waiting ?? 0) === 0;
  return full + (wellStored ? 0 : 1) + (spool.broken === null ? 0 : 1);
}

interface Layout {
  readonly rows: readonly LiveGauge[];
  readonly lists: readonly [List];
  /** What stands above the list. */
  readonly above: readonly Line[];
  /** Lines for the picked one's limit, below the list. */
  readonly below: number;
}

function layout(scene: Scene, size: Size): Layout {
  const wide = isWide(size) && !scene.page.zoom;
  return layoutAt(scene, wide ? splitColumns(size.columns).list : size.columns, size.rows, wide);
}

function layoutAt(scene: Scene, width: number, height: number, beside: boolean): Layout {
  const above = scene.page.zoom ? [] : panes(scene, width);
  const keep = keeper(scene.page.filter, fields, record);
  const rows = inOrder((scene.live.gauges?.gauges ?? []).filter(keep), compares, scene);
  const needed = Math.max(0, ...rows.map((gauge) => thereLines(gauge, width).length));
  const below = beside ? 0 : needed;
  const room = Math.max(0, height - above.length - listHead - below);
  return { rows, above, below, lists: [{ ids: rows.map(({ name }) => name), rows: room }] };
}

function record({ name, ok, at_limit }: LiveGauge) {
  return { name: nameOf(name), state: ok ? "ok" : "trouble", limit: at_limit };
}

const compares: readonly ((a: LiveGauge, b: LiveGauge) => number)[] = [
  (a, b) => Number(a.ok) - Number(b.ok),
  (a, b) => shareOf(b) - shareOf(a),
  (a, b) => byText(a.name, b.name),
];

function shareOf({ used, limit }: LiveGauge): number {
  return limit === null || limit <= 0 ? 0 : used / limit;
}

/** `detailed`: what the picked one means stands beside it. */
function main(scene: Scene, size: Size, detailed = false): readonly Line[] {
  const { rows, lists, above, below } = layoutAt(scene, size.columns, size.rows, detailed);
  const all = scene.live.gauges?.gauges.length ?? 0;
  const columns = columnsFor(rows, size.columns);
  const count = rows.length === all ? `${all}` : `${rows.length} of ${all}`;
  const pane = {
    heading: listHeading(`What can run out ${count}`, "", orders, scene, size.columns),
    columns,
    items: rows,
    row: (gauge: LiveGauge) => rowCells(gauge, scene, columns),
    none: all === 0 ? "the gateway has not said yet" : "the filter lets none through",
  };
  const list = listPane(pane, lists, 0, scene, size.columns);
  const gauge = rows[pickedAmong(lists, scene.page).index];
  const upper = toHeight([...above, ...list], size.rows - below, size.columns);
  const there = detailed ? [] : thereLines(gauge, size.columns);
  return toHeight([...upper, ...there], size.rows, size.columns);
}

/** What happens at the limit is a column only where every sentence is whole in it. */
function columnsFor(rows: readonly LiveGauge[], width: number): readonly Cell[] {
  const columns: readonly Cell[] = [
    { text: "NAME", width: 12 },
    { text: "", width: barWidth(width) },
    { text: "USED", width: 8, align: "right" },
    { text: "LIMIT", width: 8, align: "right" },
    { text: "STATE", width: 7 },
  ];
  const room = restOf([...columns, { text: "" }], width);
  const fits = rows.every(({ at_limit }) => columnsOf(at_limit) <= room);
  if (fits) return [...columns, { text: "AT THE LIMIT" }];
  const wider = barWidth(width) + Math.max(0, Math.min(30, room - 2));
  return columns.map((cell, at) => (at === 1 ? { ...cell, width: wider } : cell));
}

/** Of the picked one, whole; it stands beside the list where there is room for that. */
function thereLines(gauge: LiveGauge | undefined, width: number): readonly Line[] {
  if (gauge === undefined) return [];
  return fieldLines("at limit", gauge.at_limit, gauge.ok ? undefined : "bad", width);
}

function rowCells(gauge: LiveGauge, scene: Scene, columns: readonly Cell[]): readonly Cell[] {
  const tone: Tone = gauge.ok ? "plain" : "bad";
  const width = columns[1]?.width ?? 8;
  const cells: readonly Cell[] = [
    { text: nameOf(gauge.name), tone },
    { text: gauge.limit === null ? "" : bar(shareOf(gauge), width), tone },
    { text: inUnit(gauge.used, gauge.unit), tone },
    { text: gauge.limit === null ? "-" : inUnit(gauge.limit, gauge.unit) },
    { text: gauge.ok ? "ok" : "TROUBLE", tone },
    { text: shifted(gauge.at_limit, scene), tone: gauge.ok ? "dim" : "plain" },
  ];
  return columns.map((column, at) => ({ ...column, ...cells[at] }));
}

function nameOf(name: string): string {
  return name.replaceAll("_", " ");
}

function inUnit(value: number, unit: LiveGauge["unit"]): string {
  if (unit === "bytes") return roundSize(value);
  return unit === "ms" ? took(value) : amount(value);
}

/** Database, spool and rates: what decides whether calls go on. */
function panes(scene: Scene, width: number): readonly Line[] {
  const { gauges } = scene.live;
  if (gauges === undefined) return [];
  return [
    ...storeLines(gauges, width),
    ...spoolLines(gauges, width),
    ...rateLines(scene, gauges, width),
  ];
}

function storeLines({ store }: LiveGauges, width: number): readonly Line[] {
  const { kind, ok, error, pool } = store;
  const full = pool !== null && pool.waiting > 0;
  const well = full ? "SLOW, every connection is busy" : "takes receipts";
  const state = ok ? well : "DOWN, takes no receipts";
  const head = heading(`Database ${kind}`, state, width, ok ? (full ? "warn" : "strong") : "bad");
  const fault = error === null ? [] : fieldLines("cause", error, "bad", width);
  if (pool === null) {
    const own = "embedded, one writer: there is no pool";
    return [head, ...fault, ...fieldLines("pool", own, "dim", width)];
  }
  const { busy, idle, waiting, max, waitP95Ms, queryP95Ms } = pool;
  const share = max <= 0 ? 0 : busy / max;
  const use = `${busy} busy  ${idle} idle  ${waiting} waiting  of ${max} (database.pool)`;
  const p95 = (ms: number | null) => (ms === null ? "-" : took(ms));
  const times = `wait p95 ${p95(waitP95Ms)}   query p95 ${p95(queryP95Ms)}`;
  return [
    head,
    ...fault,
    ...barLines("pool", share, use, full ? "warn" : "plain", width),
    ...fieldLines("", times, full ? "warn" : undefined, width),
  ];
}

function spoolLines({ spool }: LiveGauges, width: number): readonly Line[] {
  const { records, maxBytes, oldestMs, behaviour, broken } = spool;
  const share = maxBytes <= 0 ? 0 : spool.bytes / maxBytes;
  const bad = broken !== null;
  const waits = behaviour.startsWith("writing");
  const use =
    `${amount(records)} waiting, oldest ${took(Math.round(oldestMs))}, ` +
    `${roundSize(spool.bytes)} of ${roundSize(maxBytes)}`;
  const named = fitting([`${use} (by audit.spool.max)`, use], width - barWidth(width) - 12);
  return [
    ...nowLines(behaviour, bad ? "bad" : waits ? "strong" : "warn", width),
    ...(broken === null ? [] : fieldLines("cause", broken, "bad", width)),
    ...barLines("spool", share, named, bad ? "bad" : "plain", width),
  ];
}

/** What the gateway does now: in the heading where that holds it whole. */
function nowLines(behaviour: string, tone: Tone, width: number): readonly Line[] {
  if (columnsOf(behaviour) + 16 <= width) return [heading("Receipts", behaviour, width, tone)];
  const head = heading("Receipts", "what the gateway does now", width, tone);
  return [head, ...fieldLines("now", behaviour, tone, width)];
}

function barWidth(width: number): number {
  return width >= 96 ? 16 : 8;
}

/** A bar and what it means; what has no room beside it goes on below. */
function barLines(name: string, share: number, text: string, tone: Tone, width: number): Line[] {
  const room = barWidth(width);
  return wrap(text, Math.max(10, width - room - 12)).map((part, at) =>
    toLine(
      [
        { text: at === 0 ? ` ${name}` : "", width: 10, tone: "dim" },
        { text: at === 0 ? bar(share, room) : "", width: room, tone },
        { text: part, tone },
      ],
      width,
    ),
  );
}

function rateLines({ live }: Scene, gauges: LiveGauges, width: number): readonly Line[] {
  const room = Math.max(4, Math.min(60, Math.floor((width - 44) / 2)));
  const { calls, errors } = live.history;
  return [
    toLine(
      [
        { text: " calls/s", width: 10, tone: "dim" },
        { text: sparkline(calls, room), width: room },
        { text: String(gauges.callsPerSecond), width: 5 },
        { text: "errors/s", tone: "dim" },
        { text: sparkline(errors, room), width: room, tone: "warn" },
        { text: String(gauges.errorsPerSecond), width: 4 },
        { text: `cpu ${Math.round(gauges.cpu * 100)}%` },
      ],
      width,
    ),
  ];
}

function gaugeLines(gauge: LiveGauge | undefined, width: number): readonly Line[] {
  if (gauge === undefined) return [heading("nothing is picked", "", width)];
  const { name, used, limit, unit, at_limit, ok } = gauge;
  const share = limit === null ? "" : `  (${Math.round(shareOf(gauge) * 100)}%)`;
  const most = limit === null ? "no limit is known" : inUnit(limit, unit);
  return [
    heading(nameOf(name), ok ? "ok" : "TROUBLE", width, ok ? "strong" : "bad"),
    ...fieldLines("used", `${inUnit(used, unit)}${share}`, ok ? undefined : "bad", width),
    ...fieldLines("limit", most, undefined, width),
    ...fieldLines("there", at_limit, undefined, width),
  ];
}

function gatewayLines({ live, now }: Scene, width: number): readonly Line[] {
  const { gateway } = live;
  if (gateway === undefined) return [];
  const { policy, reload } = gateway;
  const files = policy.files.length === 0 ? "none: everything is denied" : policy.files.join(", ");
  const rules = policy.rules === 1 ? "1 rule" : `${policy.rules} rules`;
  const rows: readonly (readonly [string, string, Tone?])[] = [
    ["version", `${gateway.version}   pid ${gateway.pid}   up ${span(now - gateway.startedMs)}`],
    ["listen", gateway.listen.join(", ")],
    ["config", gateway.config],
    ["data_dir", gateway.dataDir],
    ["policy", `${rules}, ${policy.hash.slice(0, 12)}, ${files}`],
    ...(reload.fault === null ? [] : [["not read", reload.fault, "bad"] as const]),
    ...(reload.restart.length === 0
      ? []
      : [
          ["restart", `changed, in force after one: ${reload.restart.join(", ")}`, "warn"] as const,
        ]),
    ["log", gateway.logLevel],
  ];
  return [
    heading("Gateway", "", width),
    ...rows.flatMap(([name, text, tone]) => fieldLines(name, text, tone, width)),
  ];
}
