/** Child processes, the same on both: on Bun, node:child_process costs less than Bun.spawn. */

import { spawn } from "node:child_process";
import process from "node:process";
import { fairOutput, messageShare, type Output, wordsShare } from "./fair-output.ts";
import type { Child, ChildEvents, SpawnOptions } from "./runtime.ts";

/** Output of a child that has exited is waited for this long: others may hold the pipe. */
const outputAfterExitMs = 200;
/** After this long nobody who holds it is listened to: its descriptors are ours. */
const holdersMs = 5_000;

/** Starts a child in a process group of its own, with pipes as its only descriptors (U10). */
export function spawnChild(options: SpawnOptions): Child {
  const [file, ...args] = options.command;
  const ended = once(options.on);
  let child: ReturnType<typeof spawn>;
  try {
    child = spawn(file ?? "", args, {
      env: { ...options.env },
      detached: true,
      shell: false,
      stdio: ["pipe", "pipe", "pipe"],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  } catch (error) {
    queueMicrotask(() => ended(null, null, error as Error));
    return nothing;
  }
  const { stdout, stderr } = child;
  const output = stdout === null ? undefined : fairOutput(stdout, options.on.stdout, messageShare);
  if (stderr !== null) fairOutput(stderr, options.on.stderr, wordsShare);
  child.on("error", (error) => {
    if (child.pid === undefined) ended(null, null, error);
  });
  child.on("exit", (code, signal) => {
    setTimeout(() => ended(code, signal), outputAfterExitMs);
    const letGo = setTimeout(() => {
      for (const stream of [child.stdin, stdout, stderr]) stream?.destroy();
    }, holdersMs);
    letGo.unref();
    child.on("close", () => clearTimeout(letGo));
  });
  child.on("close", (code, signal) => ended(code, signal));
  return handle(child, output, options.on);
}

function handle(
  child: ReturnType<typeof spawn>,
  output: Output | undefined,
  on: ChildEvents,
): Child {
  const stdin = child.stdin;
  let waiting: (Uint8Array | string)[] = [];
  let waitingBytes = 0;
  // Counted here, by callbacks: on Bun writableLength is always 0.
  let backlog = 0;
  let closing = false;

  function kill(name: "SIGTERM" | "SIGKILL"): void {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
      // One that is stopped takes TERM only when it goes on.
      if (name === "SIGTERM") process.kill(-child.pid, "SIGCONT");
    } catch {
      // ESRCH: the group is gone, which is what was wanted.
    }
  }

  // One system call for all messages of a tick.
  function flush(): void {
    const batch = waiting;
    const size = waitingBytes;
    waiting = [];
    waitingBytes = 0;
    if (stdin === null || stdin.destroyed) return;
    const chunk = batch.length === 1 ? (batch[0] as Uint8Array | string) : joined(batch);
    stdin.write(chunk, () => {
      backlog -= size;
    });
  }

  stdin?.on("drain", on.drain);
  // A child that closed its stdin can never be spoken to again (U15); its exit is told as usual.
  stdin?.on("error", () => {
    if (!closing) kill("SIGKILL");
  });
  return {
    pid: child.pid,
    write(chunk) {
      if (stdin === null || closing) return false;
      if (waiting.length === 0) queueMicrotask(flush);
      waiting.push(chunk);
      waitingBytes += chunk.length;
      backlog += chunk.length;
      return backlog < stdin.writableHighWaterMark;
    },
    backlog: () => backlog,
    pause: () => output?.pause(),
    resume: () => output?.resume(),
    closeStdin() {
      if (closing) return;
      if (waiting.length > 0) flush();
      closing = true;
      stdin?.end();
    },
    signal: kill,
  };
}

function joined(parts: readonly (Uint8Array | string)[]): Uint8Array | string {
  if (parts.every((part) => typeof part === "string")) return parts.join("");
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

function once(on: ChildEvents): ChildEvents["exit"] {
  let told = false;
  return (code, signal, spawnError) => {
    if (told) return;
    told = true;
    if (spawnError === undefined) on.exit(code, signal);
    else on.exit(code, signal, spawnError);
  };
}

/** What stands for a child that could not be started. */
const nothing: Child = {
  pid: undefined,
  write: () => false,
  backlog: () => 0,
  pause: () => undefined,
  resume: () => undefined,
  closeStdin: () => undefined,
  signal: () => undefined,
};
