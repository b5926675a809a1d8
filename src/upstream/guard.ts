/**
 * Ends children whose gateway is gone. Most end by themselves when their stdin closes; for the rest
 * a guard process holds a pipe from the gateway, which the kernel closes however the gateway ends.
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { limits } from "../base/limits.ts";
import type { Child, Runtime } from "../runtime/runtime.ts";

export interface Guard {
  /** Process groups that end with the gateway. */
  add(group: number): void;
  remove(group: number): void;
}

/** One guard for all children of this process, started with the first and ended with the last. */
export function sharedGuard(runtime: Runtime): Guard {
  shared ??= createGuard(runtime);
  return shared;
}

let shared: Guard | undefined;

function createGuard(runtime: Runtime): Guard {
  const groups = new Set<number>();
  let child: Child | undefined;

  function start(): void {
    const started = runtime.spawn({
      command: guardCommand(),
      env: {},
      on: {
        stdout: () => undefined,
        stderr: () => undefined,
        drain: () => undefined,
        exit() {
          if (child !== started) return;
          child = undefined;
          // Somebody ended it: the next child starts another, which is told of all groups.
        },
      },
    });
    child = started;
    for (const group of groups) started.write(`+${group}\n`);
  }

  return {
    add(group) {
      groups.add(group);
      if (child === undefined) start();
      else child.write(`+${group}\n`);
    },
    remove(group) {
      groups.delete(group);
      child?.write(`-${group}\n`);
      if (groups.size > 0) return;
      child?.closeStdin();
      child = undefined;
    },
  };
}

/** The same binary; from source the same runtime and this file. */
function guardCommand(): readonly string[] {
  if (import.meta.url.includes("/$bunfs/")) return [process.execPath, "guard"];
  const file = fileURLToPath(import.meta.url);
  const script = `(await import(${JSON.stringify(file)})).runGuard()`;
  return "Deno" in globalThis
    ? [process.execPath, "eval", script]
    : [process.execPath, "-e", script];
}

/** The guard's own program: `+GROUP` and `-GROUP` lines on stdin; at its end TERM, then KILL. */
export async function runGuard(): Promise<void> {
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);
  const groups = new Set<number>();
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const group = Number(line.slice(1));
      // 0 and 1 would be our own group and everybody.
      if (!Number.isSafeInteger(group) || group <= 1) continue;
      if (line[0] === "+") groups.add(group);
      else groups.delete(group);
    }
  }
  if (groups.size === 0) return;
  signalAll(groups, "SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, limits.childStopMs));
  signalAll(groups, "SIGKILL");
}

function signalAll(groups: ReadonlySet<number>, name: "SIGTERM" | "SIGKILL"): void {
  for (const group of groups) {
    try {
      process.kill(-group, name);
    } catch {
      // ESRCH: it has ended by itself.
    }
  }
}
