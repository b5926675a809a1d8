/** A child process of a test: its output kept, its end awaited, ended by its own id. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export interface TestChild {
  readonly pid: number;
  readonly process: ChildProcess;
  /** All that it wrote so far; stdout is kept only when nobody else reads it. */
  stdout(): string;
  stderr(): string;
  /** Resolves with the first match in stdout or stderr; rejects when the child ends or after ms. */
  says(pattern: RegExp, ms?: number): Promise<RegExpMatchArray>;
  /** Exit code, null after a signal. */
  readonly ended: Promise<number | null>;
  /** TERM, and KILL after ms. Resolves when it is gone. */
  stop(ms?: number): Promise<number | null>;
  kill9(): Promise<void>;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function startChild(command: readonly string[], options: ChildOptions = {}): TestChild {
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
  });
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  const ended = once(child, "exit").then(
    ([code]) => code as number | null,
    (error: Error) => {
      err.add(error.message);
      return null;
    },
  );
  return {
    pid: child.pid ?? 0,
    process: child,
    stdout: out.text,
    stderr: err.text,
    says: (pattern, ms = 15_000) => says([out, err], ended, command, pattern, ms),
    ended,
    async stop(ms = 10_000) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), ms);
      const code = await ended;
      clearTimeout(timer);
      return code;
    },
    async kill9() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

interface Collected {
  text(): string;
  add(text: string): void;
}

function collect(stream: NodeJS.ReadableStream | null): Collected {
  let text = "";
  stream?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { text: () => text, add: (more) => (text += more) };
}

async function says(
  outputs: readonly Collected[],
  ended: Promise<number | null>,
  command: readonly string[],
  pattern: RegExp,
  ms: number,
): Promise<RegExpMatchArray> {
  let over = false;
  void ended.then(() => (over = true));
  for (const until = performance.now() + ms; ; await Bun.sleep(10)) {
    const text = outputs.map((output) => output.text()).join("\n");
    const match = text.match(pattern);
    if (match !== null) return match;
    const name = command.slice(0, 3).join(" ");
    if (over) throw new Error(`"${name}" ended without saying ${pattern}: ${text}`);
    if (performance.now() > until) throw new Error(`"${name}" did not say ${pattern}: ${text}`);
  }
}
