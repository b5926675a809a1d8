/**
 * The four rows that never move: health, screens, messages, keys; between them the body of the
 * screen, the help or the copy menu.
 */

import { printable } from "../../src/base/printable.ts";
import {
  amount,
  type Cell,
  clock,
  columns,
  fit,
  type Line,
  span,
  type Tone,
  toHeight,
  toLine,
  wrap,
} from "../cells.ts";
import { copyChoices } from "../copy.ts";
import { contexts, keymap, keyName } from "../keys.ts";
import type { Live } from "../live.ts";
import type { Screen, Size } from "../screen.ts";
import { bodySize, type Env, pickedAmong, sceneOf, screenOf, type Ui } from "../ui.ts";
import { helpLines } from "./help.ts";

export const smallest: Size = { columns: 60, rows: 15 };

/** The whole terminal: exactly `ui.size.rows` lines of `ui.size.columns`. */
export function frame(ui: Ui, env: Env): readonly Line[] {
  const { size } = ui;
  if (size.columns < smallest.columns || size.rows < smallest.rows) return tooSmall(size);
  return [
    healthLine(env, size.columns),
    screensLine(ui, env, size.columns),
    ...body(ui, env),
    messageLine(ui, env, size.columns),
    keysLine(ui, env, size.columns),
  ];
}

function tooSmall({ columns: width, rows }: Size): readonly Line[] {
  const least = `${smallest.columns}x${smallest.rows}`;
  const text = `authensor-gw needs ${least}, has ${width}x${rows}; q leaves`;
  return toHeight(
    wrap(text, width).map((line) => toLine([line], width)),
    rows,
    width,
  );
}

function body(ui: Ui, env: Env): readonly Line[] {
  const size = bodySize(ui.size);
  const screen = screenOf(ui, env);
  const scene = sceneOf(ui, env);
  if (ui.mode.kind === "help") return helpLines(screen, ui.mode.scroll, size);
  const open = scene.page.open !== undefined && screen.detail !== undefined;
  const lines = open ? (screen.detail?.(scene, size) ?? []) : screen.view(scene, size);
  const whole = toHeight(lines, size.rows, size.columns);
  const menu =
    ui.mode.kind === "copy"
      ? copyMenu(ui, env, ui.mode.id, size)
      : overflow(ui, size.columns).slice(0, Math.max(0, size.rows - 1));
  return [...whole.slice(0, size.rows - menu.length), ...menu];
}

/** What the row for messages cannot hold stands above it, over the body: no row moves. */
function overflow({ mode, toast }: Ui, width: number): readonly Line[] {
  if (mode.kind === "filter" || mode.kind === "command") {
    if (besideTyped(mode.field.text, mode.fault, width)) return [];
    return fullLines(mode.fault, "bad", width);
  }
  if (mode.kind !== "keys" || toast === undefined) return [];
  return fullLines(toast.text, toast.tone, width).slice(0, -1);
}

function fullLines(text: string, tone: Tone, width: number): readonly Line[] {
  return wrap(text, width - 2).map((line) => toLine([{ text: ` ${line}`, tone }], width));
}

function copyMenu(ui: Ui, env: Env, id: string, size: Size): readonly Line[] {
  const width = size.columns;
  const title = ` Copy from ${fit(id, Math.min(width - 20, columns(fit(id, width)), id.length))} `;
  const choices = copyChoices(sceneOf(ui, env), ui.screen, id, env.url);
  const rule = (text: string): Line =>
    toLine(
      [{ text: `─${text}${"─".repeat(Math.max(0, width - columns(text) - 1))}`, tone: "info" }],
      width,
    );
  return [
    rule(title),
    ...choices.map((choice) =>
      toLine(
        [
          { text: `  ${choice.key}`, width: 4, tone: "strong" },
          { text: choice.label, width: 50 },
          { text: `${amount(Buffer.byteLength(choice.text))} B`, tone: "dim" },
        ],
        width,
      ),
    ),
    toLine([{ text: "  esc closes", tone: "dim" }], width),
  ];
}

/** `authensor-gw ● live  up 3d02h    7/8 servers  3 in flight  41 calls/s`. */
function healthLine(env: Env, width: number): Line {
  const { live, now } = env;
  const { link, gateway } = live;
  if (link.state === "lost") return lostLine(live, now, width);
  if (gateway === undefined) {
    return spread([{ text: ` authensor-gw ○ connecting to ${link.place}` }], [], width);
  }
  const wide = width >= 120;
  const trouble = worst(live);
  const left: Cell[] = [
    { text: ` authensor-gw${wide ? ` ${gateway.version}` : ""} ` },
    trouble === undefined
      ? { text: "● live", tone: "ok" }
      : { text: `▲ live, ${trouble}`, tone: "warn" },
    { text: `  up ${span(now - gateway.startedMs)}` },
    ...(env.readOnly === undefined || !wide
      ? []
      : [{ text: "  read-only", tone: "info" } as const]),
    // Last: a long path is cut before anything else.
    { text: wide ? `  ${link.place}` : "", tone: "dim" },
    { text: wide ? " " : "" },
  ];
  return spread(left, counts(live, width), width);
}

function lostLine({ link }: Live, now: number, width: number): Line {
  const heard = link.heardMs > 0;
  const since = heard ? ` ${span(now - link.heardMs)} ago` : "";
  const right = heard ? `showing what was known at ${clock(link.heardMs)} ` : "";
  const left: Cell[] = [
    { text: " authensor-gw " },
    { text: heard ? "○ LOST the gateway" : "○ no gateway", tone: "bad" },
    { text: since },
  ];
  return spread(left, [{ text: right, tone: "dim" }], width);
}

/** What is wrong with the gateway itself; its servers have a count of their own. */
function worst({ gateway, gauges }: Live): string | undefined {
  if (gauges?.spool.broken !== null && gauges !== undefined) return "receipts cannot be written";
  if (gauges?.store.ok === false) return `${gauges.store.kind} down`;
  if ((gateway?.reload.fault ?? null) !== null) return "reload refused";
  if ((gateway?.policy.files.length ?? 0) === 0) return "no policy: all is denied";
  const full = gauges?.gauges.find((gauge) => !gauge.ok);
  return full === undefined ? undefined : full.name.replaceAll("_", " ");
}

function counts(live: Live, width: number): readonly Cell[] {
  const { servers, gauges } = live;
  const enabled = servers.filter((server) => server.state !== "disabled");
  const well = enabled.filter((server) => server.state === "ready" || server.state === "idle");
  const busy = live.running.filter((call) => call.stage !== "over").length;
  const wide = width >= 100;
  const errors = gauges?.errorsPerSecond ?? 0;
  return [
    {
      text: `${well.length}/${enabled.length} ${wide ? "servers" : "srv"}`,
      tone: well.length < enabled.length ? "warn" : "plain",
    },
    { text: `  ${busy} ${wide ? "in flight" : "busy"}` },
    { text: `  ${rate(gauges?.callsPerSecond ?? 0)}${wide ? " calls/s" : "/s"}` },
    {
      text: errors > 0 || wide ? `  ${rate(errors)} ${wide ? "errors/s" : "err"}` : "",
      tone: errors > 0 ? "bad" : "plain",
    },
    { text: " " },
  ];
}

function rate(value: number): string {
  return value > 0 && value < 9.95 && !Number.isInteger(value) ? value.toFixed(1) : amount(value);
}

/** Left and right part with the space between them; the left one is cut. */
function spread(left: readonly Cell[], right: readonly Cell[], width: number): Line {
  const end = toLine(
    right,
    Math.min(
      width,
      right.reduce((sum, cell) => sum + columns(cell.text), 0),
    ),
    0,
  );
  const used = end.reduce((sum, piece) => sum + columns(piece.text), 0);
  return [...toLine([...left, ""], Math.max(0, width - used), 0), ...end];
}

function screensLine(ui: Ui, env: Env, width: number): Line {
  const narrow = width < 80;
  const cells = env.screens.flatMap((screen): readonly Cell[] => {
    const troubles = screen.troubles?.(env.live) ?? 0;
    const badge = troubles > 0 ? `!${troubles}` : "";
    const name = narrow ? `${screen.digit}${screen.short}` : `${screen.digit} ${screen.title}`;
    const here = screen.id === ui.screen;
    return [
      { text: here ? `[${name}` : ` ${name}`, tone: here ? "picked" : "plain" },
      { text: badge, tone: "warn" },
      { text: here ? "]" : " ", tone: here ? "picked" : "plain" },
      { text: narrow ? "" : " " },
    ];
  });
  return toLine([...cells, ""], width, 0);
}

/** One row for whatever is asked, typed or told; the question first. */
function messageLine(ui: Ui, env: Env, width: number): Line {
  const { mode, toast } = ui;
  if (mode.kind === "ask") {
    const answers = mode.question.answers.map(({ key, label }) => `${key} ${label}`).join("   ");
    const room = Math.max(10, width - columns(answers) - 6);
    const text = columns(fit(mode.question.text, width)) > 0 ? mode.question.text : "";
    return toLine(
      [
        {
          text: ` ${text}`,
          width: Math.min(room, columns(fit(text, Math.min(room, text.length))) + 1),
          tone: "strong",
        },
        { text: `  ${answers}`, tone: "picked" },
      ],
      width,
    );
  }
  if (mode.kind === "filter")
    return typing(" / ", mode.field.text, mode.field.at, mode.fault, width);
  if (mode.kind === "command")
    return typing(" : ", mode.field.text, mode.field.at, mode.fault, width);
  if (toast !== undefined) {
    return fullLines(toast.text, toast.tone, width).at(-1) ?? toLine([""], width);
  }
  const { link } = env.live;
  if (link.state !== "lost") return toLine([""], width);
  const left = Math.max(0, link.retryAtMs - env.now);
  const again = `Trying again in ${span(left)} (attempt ${link.attempt}). r tries now`;
  return toLine([{ text: ` ${link.why}. ${again}`, tone: "warn" }], width);
}

/** What was not understood is named behind what was typed, where that leaves all of both. */
function besideTyped(text: string, fault: string, width: number): boolean {
  return fault === "" || lengthOf(text) + lengthOf(fault) + 8 <= width;
}

function lengthOf(text: string): number {
  return columns(printable(text));
}

/** The cursor is the character in other colours. */
function typing(sign: string, text: string, at: number, fault: string, width: number): Line {
  const beside = besideTyped(text, fault, width);
  const from = beside && fault !== "" ? 0 : Math.max(0, at - Math.max(10, width - 4) + 8);
  const cells: Cell[] = [
    { text: sign, tone: "strong" },
    { text: text.slice(from, at) },
    { text: text.slice(at, at + 1) || " ", tone: "cursor" },
    { text: text.slice(at + 1) },
    { text: fault === "" || !beside ? "" : `   ${fault}`, tone: "bad" },
  ];
  return toLine(cells, width, 0);
}

/** Keys of this context; what cannot be done here is not offered. */
function keysLine(ui: Ui, env: Env, width: number): Line {
  const right = ": cmd  ? help ";
  const { kind } = ui.mode;
  if (kind !== "keys") return toLine([{ text: modeKeys[kind], tone: "dim" }], width);
  const { open } = ui.pages[ui.screen];
  const active = contexts(ui.screen, open !== undefined);
  const screen = screenOf(ui, env);
  const feet = keymap.filter(
    (row) =>
      row.foot !== undefined &&
      row.in.some((context) => active.includes(context)) &&
      (row.role === undefined || env.readOnly === undefined) &&
      (row.command !== "open" || (open === undefined && canOpen(ui, env, screen))),
  );
  const texts = feet.map((row) => `${keyName(row.keys[0] ?? "")} ${row.foot}`);
  if (open !== undefined) texts.unshift("esc back", "tab next tab");
  let left = "";
  for (const text of texts) {
    if (columns(left) + columns(text) + 2 > width - columns(right)) break;
    left += `${left === "" ? " " : "  "}${text}`;
  }
  return spread([{ text: left, tone: "dim" }], [{ text: right, tone: "dim" }], width);
}

function canOpen(ui: Ui, env: Env, screen: Screen): boolean {
  const scene = sceneOf(ui, env);
  if (screen.detail === undefined) return false;
  return pickedAmong(screen.lists(scene, bodySize(ui.size)), scene.page).id !== undefined;
}

const modeKeys = {
  filter: " enter keeps it  esc takes the old one back  ctrl-u empties",
  command: " enter runs it  tab completes  ↑ ↓ earlier lines  esc closes",
  ask: " one key answers  esc: nothing is done",
  copy: " press a letter  esc closes",
  help: " j k scroll  esc or ? closes",
} as const;
