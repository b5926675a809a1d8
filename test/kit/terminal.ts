/** A program in a real pseudo-terminal, and what a person would see of it. */

import { Terminal } from "@xterm/headless";

export interface TestTerminal {
  readonly pid: number;
  /** Bytes the program has written. */
  bytes(): number;
  /** All of it, as it was written. */
  raw(): string;
  /** The screen's rows, without spaces at their ends. */
  rows(): readonly string[];
  text(): string;
  /** Resolves when the screen has the text or matches; rejects with the screen after ms. */
  sees(what: string | RegExp, ms?: number): Promise<void>;
  /** Resolves when it is gone from the screen. */
  seesNot(what: string | RegExp, ms?: number): Promise<void>;
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  signal(name: NodeJS.Signals): void;
  /** What a program that leaves must have given back. */
  modes(): Modes;
  /** Exit code; 128 and the number for a signal. */
  readonly ended: Promise<number>;
  /** KILL if it still runs, and frees the terminal. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Modes {
  readonly screen: "primary" | "alternate";
  readonly cursor: "shown" | "hidden";
  readonly paste: boolean;
  /** Of the line discipline: the shell's keys are echoed and come line by line. */
  readonly raw: boolean;
}

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each chunk before it is shown; for slow readers. */
  readonly reading?: (chunk: Uint8Array) => void | Promise<void>;
}

export function openTerminal(
  command: readonly string[],
  options: TerminalOptions = {},
): TestTerminal {
  const { columns = 80, rows = 24 } = options;
  const screen = new Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 0 });
  let [raw, count, cursor, paste] = ["", 0, true, false];
  const decoder = new TextDecoder();
  const child = Bun.spawn([...command], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { TERM: "xterm-256color", LANG: "C.UTF-8", TZ: "UTC", ...options.env },
    terminal: {
      cols: columns,
      rows,
      data(_terminal, bytes) {
        count += bytes.length;
        const text = decoder.decode(bytes, { stream: true });
        raw += text;
        for (const part of text.split("\u001b[?").slice(1)) {
          if (/^25[hl]/.test(part)) cursor = part[2] === "h";
          if (/^2004[hl]/.test(part)) paste = part[4] === "h";
        }
        screen.write(bytes.slice());
        void options.reading?.(bytes);
      },
    },
  });
  const terminal = child.terminal;
  if (terminal === undefined) throw new Error("no pseudo-terminal");
  const shown = () => {
    const buffer = screen.buffer.active;
    return Array.from({ length: screen.rows }, (_, at) =>
      (buffer.getLine(buffer.viewportY + at)?.translateToString(true) ?? "").trimEnd(),
    );
  };
  const text = () => shown().join("\n");
  const ended = child.exited.then(async (code) => {
    // What it wrote last is read a moment after its end.
    for (let count = -1; count !== raw.length; await Bun.sleep(10)) count = raw.length;
    await new Promise<void>((resolve) => screen.write("", resolve));
    const number = child.signalCode === null ? undefined : signals[child.signalCode];
    return number === undefined ? code : 128 + number;
  });
  const wait = async (holds: () => boolean, ms: number, why: string): Promise<void> => {
    for (const until = performance.now() + ms; !holds(); await Bun.sleep(5)) {
      if (performance.now() > until) throw new Error(`${why} within ${ms} ms:\n${text()}`);
    }
  };
  const has = (what: string | RegExp) =>
    typeof what === "string" ? text().includes(what) : what.test(text());
  return {
    pid: child.pid,
    bytes: () => count,
    raw: () => raw,
    rows: shown,
    text,
    sees: (what, ms = 10_000) => wait(() => has(what), ms, `the screen did not show ${what}`),
    seesNot: (what, ms = 10_000) => wait(() => !has(what), ms, `the screen still showed ${what}`),
    type: (keys) => void terminal.write(keys),
    resize(to, high) {
      screen.resize(to, high);
      terminal.resize(to, high);
    },
    signal: (name) => child.kill(name),
    modes: () => ({
      screen: screen.buffer.active.type === "normal" ? "primary" : "alternate",
      cursor: cursor ? "shown" : "hidden",
      paste,
      // ICANON and ECHO of c_lflag: a program that ends must have put both back.
      raw: (terminal.localFlags & 0x2) === 0 || (terminal.localFlags & 0x8) === 0,
    }),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      terminal.close();
      screen.dispose();
    },
  };
}

const signals: Readonly<Partial<Record<string, number>>> = {
  ...{ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 },
};
