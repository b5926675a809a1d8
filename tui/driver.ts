/**
 * Between data, keys and pictures: data is drawn at most every `refreshMs`, keys at once, and
 * nothing is drawn that looks as before. No React in here.
 */

import { limits } from "../src/base/limits.ts";
import { type Hands, perform } from "./effects.ts";
import type { KeyEvent } from "./input.ts";
import { createStore, type Live, type Source } from "./live.ts";
import { paint, plainText } from "./paint.ts";
import { reduce } from "./reduce.ts";
import type { Size } from "./screen.ts";
import { screens } from "./screens.ts";
import { type Effect, type Env, type Event, startUi, type Ui } from "./ui.ts";
import { frame } from "./view/frame.ts";

export interface DriverOptions {
  readonly source: Source & { reconnect?(): void };
  readonly readOnly: string | undefined;
  readonly colour: boolean;
  readonly ascii: boolean;
  readonly refreshMs: number;
  readonly own: { readonly ended: Promise<string> } | undefined;
  size(): Size;
  write(text: string): void;
  redraw(): void;
  leave(): void;
}

export interface Picture {
  readonly lines: readonly string[];
  readonly columns: number;
}

export interface Driver {
  /** Opens the stream and begins to draw what comes. */
  start(): void;
  close(): void;
  subscribe(listener: () => void): () => void;
  /** The same object until something looks different. */
  picture(): Picture;
  keys(events: readonly KeyEvent[]): void;
  paste(text: string): void;
  resized(): void;
  suspendWith(suspend: () => void): void;
  /** Asked for when leaving. */
  readonly stopsGateway: boolean;
}

/** A timer this late was held up by writing to the terminal. */
const slowMs = 150;
/** A countdown, an age: what changes with time alone is drawn this often. */
const tickMs = 1_000;

export function createDriver(options: DriverOptions): Driver {
  const { source } = options;
  const store = createStore(source.place, source.now ?? Date.now);
  const listeners = new Set<() => void>();
  let ui: Ui = startUi(options.size(), options.refreshMs);
  let live: Live = store.picture();
  let frozenMs = 0;
  let shown: Picture = { lines: [], columns: 0 };
  let suspend = () => {};
  /** How the gateway that was started for this ended. */
  let ownEnd: string | undefined;
  let [stopsGateway, lastMs, costMs, dueMs, heldMs] = [false, 0, 0, 0, 0];
  let unwatch: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ticker: ReturnType<typeof setInterval> | undefined;

  const env = (): Env => ({
    ...{ live, screens, readOnly: options.readOnly, ended: store.ended },
    clockMs: store.now(),
    now: ui.pausedAt === undefined ? store.now() : frozenMs,
    // One that has ended needs no answer to what becomes of it.
    ownsGateway: options.own !== undefined && ownEnd === undefined,
    url: urlOf(live),
  });

  function draw(): void {
    const lines = frame(ui, env()).map((line) =>
      paint(line, { colour: options.colour && ui.theme === "auto", ascii: options.ascii }),
    );
    const same =
      shown.columns === ui.size.columns &&
      shown.lines.length === lines.length &&
      lines.every((line, at) => line === shown.lines[at]);
    if (same) return;
    costMs = (changedBytes(shown.lines, lines) / limits.tuiBytesPerSecond) * 1_000;
    shown = { lines, columns: ui.size.columns };
    for (const listener of listeners) listener();
  }

  /** A new picture of the data, unless the reader stopped it. */
  function publish(): void {
    clearTimeout(timer);
    timer = undefined;
    lastMs = performance.now();
    // A terminal that does not read holds us up: as long as it did, it gets nothing new.
    const late = dueMs === 0 ? 0 : lastMs - dueMs;
    heldMs = late > slowMs ? late : 0;
    dueMs = 0;
    const next = store.picture();
    // A gateway that is lost is told of also beside a picture that stands.
    live = ui.pausedAt === undefined ? next : { ...live, link: next.link };
    dispatch({ kind: "data" });
  }

  function changed(): void {
    if (timer !== undefined) return;
    // Nothing but the count of what arrived changes while the picture stands.
    const moving = Math.max(ui.refreshMs, costMs, heldMs);
    const now = performance.now();
    dueMs = Math.max(now, lastMs + (ui.pausedAt === undefined ? moving : tickMs));
    timer = setTimeout(publish, dueMs - now);
  }

  function dispatch(...events: readonly Event[]): void {
    const effects = events.flatMap(step);
    // One picture for all of them: a paste of thousands of keys is one read.
    draw();
    for (const effect of effects) void perform(effect, hands);
  }

  function step(event: Event): readonly Effect[] {
    const wasPaused = ui.pausedAt !== undefined;
    const before = store.now();
    const next = reduce(ui, event, env());
    ui = next.ui;
    if (!wasPaused && ui.pausedAt !== undefined) frozenMs = before;
    if (wasPaused && ui.pausedAt === undefined) live = store.picture();
    return next.effects;
  }

  const hands: Hands = {
    source,
    store: { ...store, answer: answered },
    toast: (text, tone) => dispatch({ kind: "toast", text, tone }),
    write: options.write,
    screenText: () =>
      `${frame(ui, env())
        .map((line) => plainText(line).trimEnd())
        .join("\n")}\n`,
    redraw: options.redraw,
    suspend: () => suspend(),
    leave(stop) {
      stopsGateway = stop;
      options.leave();
    },
  };

  /** Answers to a question of the reader are drawn at once, also while paused. */
  function answered(answers: Parameters<typeof store.answer>[0]): void {
    store.answer(answers);
    live =
      ui.pausedAt === undefined ? store.picture() : { ...live, answers: store.picture().answers };
    dispatch({ kind: "data" });
  }

  draw();
  return {
    start() {
      unwatch = source.watch({
        snapshot(snapshot) {
          store.snapshot(snapshot);
          // The first picture is waited for.
          if (lastMs === 0) publish();
          else changed();
        },
        batch(batch) {
          store.batch(batch);
          changed();
        },
        lost(why, attempt, retryMs) {
          store.lost(ownEnd ?? why, attempt, retryMs);
          changed();
        },
      });
      void options.own?.ended.then((why) => {
        ownEnd = why;
      });
      ticker = setInterval(() => {
        if (needsTick(live, ui) && performance.now() - lastMs >= costMs) publish();
      }, tickMs);
    },
    close() {
      unwatch?.();
      clearTimeout(timer);
      clearInterval(ticker);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    picture: () => shown,
    keys(events) {
      dispatch(...events.map((event): Event => ({ kind: "key", ...event })));
    },
    paste: (text) => dispatch({ kind: "paste", text }),
    resized: () => dispatch({ kind: "size", size: options.size() }),
    suspendWith(how) {
      suspend = how;
    },
    get stopsGateway() {
      return stopsGateway;
    },
  };
}

/** About what Ink writes: of each changed line what comes after its unchanged beginning. */
function changedBytes(before: readonly string[], lines: readonly string[]): number {
  let bytes = 0;
  for (const [at, line] of lines.entries()) {
    const old = before[at] ?? "";
    if (old === line) continue;
    let same = 0;
    while (same < line.length && line[same] === old[same]) same++;
    bytes += line.length - same + 10;
  }
  return bytes;
}

/** Nothing moves by itself in an idle gateway: then nothing is drawn. */
function needsTick(live: Live, ui: Ui): boolean {
  if (ui.toast !== undefined || live.link.state !== "live") return true;
  return ui.pausedAt === undefined && live.running.length > 0;
}

function urlOf({ gateway }: Live): string {
  const door = gateway?.listen.find((one) => one.startsWith("http"));
  return door === undefined ? "http://localhost:3100/mcp" : `${door.replace(/\/$/, "")}/mcp`;
}
