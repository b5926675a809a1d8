/** Ink writes only what changed: after any history the screen is that of a fresh drawing. */

import { describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { Terminal } from "@xterm/headless";
import type { LiveCall } from "../../src/admin/contract.ts";
import { mount, type Streams } from "../../tui/app.tsx";
import { demoSource } from "../../tui/demo.ts";
import type { Source, Watcher } from "../../tui/live.ts";

interface Screen {
  readonly streams: Streams;
  readonly terminal: Terminal;
  resize(columns: number, rows: number): void;
  /** Resolves when what was written so far is on the screen. */
  settled(): Promise<void>;
}

/** A terminal that Ink takes for a real one. */
function fakeScreen(columns: number, rows: number): Screen {
  const terminal = terminalOf(columns, rows);
  const stdout = Object.assign(new EventEmitter(), {
    ...{ columns, rows, isTTY: true, writable: true },
    write(text: string, ...rest: unknown[]) {
      const done = rest.find((one) => typeof one === "function") as (() => void) | undefined;
      terminal.write(text, done);
      return true;
    },
  });
  const stdin = Object.assign(new EventEmitter(), {
    ...{ isTTY: true, setRawMode: () => undefined, ref: () => undefined, unref: () => undefined },
    ...{ setEncoding: () => undefined, read: () => null },
  });
  return {
    streams: { stdout, stdin, stderr: stdout } as unknown as Streams,
    terminal,
    resize(to, high) {
      terminal.resize(to, high);
      Object.assign(stdout, { columns: to, rows: high });
      stdout.emit("resize");
    },
    settled: () => new Promise((resolve) => terminal.write("", resolve)),
  };
}

/** As behind a line discipline: a line feed also goes to the row's begin. */
function terminalOf(cols: number, rows: number): Terminal {
  return new Terminal({ cols, rows, allowProposedApi: true, scrollback: 0, convertEol: true });
}

/** Characters and attributes of every cell. */
function cellsOf(terminal: Terminal): readonly string[] {
  const buffer = terminal.buffer.active;
  return Array.from({ length: terminal.rows }, (_, row) => {
    const line = buffer.getLine(buffer.viewportY + row);
    let text = "";
    for (let at = 0; at < terminal.cols; at++) {
      const cell = line?.getCell(at);
      const look = `${cell?.getFgColor()}${cell?.isBold()}${cell?.isDim()}`;
      const shown = cell?.getChars() || " ";
      text += shown === " " ? " " : `${shown}${look}`;
    }
    return text.trimEnd();
  });
}

async function fresh(lines: readonly string[], columns: number, rows: number) {
  const terminal = terminalOf(columns, rows);
  const text = lines.map((line, at) => `\u001b[${at + 1};1H${line}`).join("");
  await new Promise<void>((resolve) => terminal.write(`\u001b[?7l${text}`, resolve));
  const cells = cellsOf(terminal);
  terminal.dispose();
  return cells;
}

/** Reproducible: the same numbers each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
}

const names = ["files/read_file", "日本/ツール", "a\u001b[8mb/\u202ehidden", "x/❤️ 1️⃣", "zz/é̂̂"];
const sizes = [
  [80, 24],
  [160, 48],
  [120, 30],
  [60, 15],
  [42, 10],
  [240, 60],
  [79, 23],
] as const;
const keys = [
  ..."jkgGpfozOiO?y12361",
  "tab",
  "return",
  "escape",
  "ctrl-d",
  "right",
  "left",
  "/",
  ":",
];

test("500 random updates, keys and resizes: incremental equals fresh", async () => {
  const any = numbers(7);
  const screen = fakeScreen(80, 24);
  let on: Watcher | undefined;
  const script = demoSource(() => 0);
  const source: Source = {
    ...script,
    watch(watcher) {
      on = watcher;
      return script.watch(watcher);
    },
  };
  const looks = { readOnly: undefined, colour: true, ascii: false, refreshMs: 1, own: undefined };
  const { instance, driver, close } = mount({ ...looks, source }, screen.streams);
  const now = source.now?.() ?? 0;
  let template: LiveCall | undefined;
  for (const watcher of [on]) {
    script.watch({ ...(watcher as Watcher), snapshot: ({ calls }) => (template = calls.at(-1)) })();
  }
  let [columns, rows, compared] = [80, 24, 0];
  for (let step = 0; step < 500; step++) {
    const what = any(10);
    if (what === 0) {
      [columns, rows] = sizes[any(sizes.length)] ?? [80, 24];
      screen.resize(columns, rows);
    } else if (what < 4) driver.keys([{ key: keys[any(keys.length)] ?? "j", alone: true }]);
    else {
      const call = { ...template, id: `r-${step}`, tool: names[any(names.length)] } as LiveCall;
      on?.batch({ seq: step, now: now + step * 100, calls: [call] });
    }
    if (step % 5 !== 4) continue;
    // The source has news of its own: where some came between the two pictures, look once more.
    for (let tries = 0; ; tries++) {
      await Bun.sleep(20);
      await instance.waitUntilRenderFlush();
      await screen.settled();
      const shown = cellsOf(screen.terminal);
      const made = await fresh(driver.picture().lines, columns, rows);
      if (tries < 5 && !Bun.deepEquals(shown, made)) continue;
      expect(shown).toEqual(made);
      break;
    }
    compared += 1;
  }
  expect(compared).toBe(100);
  close();
  instance.unmount();
}, 60_000);

describe("a screen that others wrote on", () => {
  test("ctrl-l draws it whole again", async () => {
    const screen = fakeScreen(80, 24);
    const looks = {
      readOnly: undefined,
      colour: true,
      ascii: false,
      refreshMs: 250,
      own: undefined,
    };
    const source = demoSource(() => 0);
    const { instance, driver, close } = mount({ ...looks, source }, screen.streams);
    await instance.waitUntilRenderFlush();
    await new Promise<void>((resolve) =>
      screen.terminal.write("\u001b[5;1Hgarbage\u001b[24;80H", resolve),
    );
    driver.keys([{ key: "ctrl-l", alone: true }]);
    await Bun.sleep(30);
    await instance.waitUntilRenderFlush();
    await screen.settled();
    expect(cellsOf(screen.terminal)).toEqual(await fresh(driver.picture().lines, 80, 24));
    close();
    instance.unmount();
  });
});
