/**
 * A process beside the gateway that ends what the gateway's children leave behind: of each child
 * that is gone, and of all when the gateway is gone. It learns that by a pipe from the gateway,
 * which the kernel closes however the gateway ends (U12).
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { limits } from "../base/limits.ts";
import { createLineReader } from "../base/lines.ts";
import type { Child, Runtime } from "../runtime/runtime.ts";
import { canFindMarked, type Ended } from "./marked.ts";

export interface Guard {
  /** A process group that ends with the gateway, and the mark of its processes. */
  add(group: number, mark: string): void;
  /** The group is gone. */
  remove(group: number): void;
  /** Ends what has the mark and is in no group that is still there. Resolves when it is gone. */
  end(mark: string): Promise<Ended>;
}

/** One guard for all children of this process, started with the first and ended with the last. */
export function sharedGuard(runtime: Runtime): Guard {
  shared ??= createGuard(runtime);
  return shared;
}

let shared: Guard | undefined;

const nobody: Ended = { pids: [], left: [] };
/** It has answered by then, or never will. */
const answerMs = limits.childStopMs + 2 * limits.strayKillMs;

function createGuard(runtime: Runtime): Guard {
  const groups = new Map<number, string>();
  const ending = new Map<string, Ending>();
  let child: Child | undefined;

  function start(): void {
    const started = runtime.spawn({
      command: guardCommand(),
      env: {},
      on: {
        stdout: createLineReader(limits.guardLineBytes, { line: answered, tooLong() {} }).push,
        stderr: () => undefined,
        drain: () => undefined,
        exit() {
          if (child !== started) return;
          // Somebody ended it: another is told of all groups.
          child = undefined;
          for (const mark of [...ending.keys()]) settle(mark, nobody);
          setTimeout(again, limits.guardAgainMs).unref();
        },
      },
    });
    child = started;
    for (const [group, mark] of groups) started.write(`+${group} ${mark}\n`);
  }

  function again(): void {
    if (child === undefined && groups.size > 0) start();
  }

  function answered(bytes: Uint8Array): void {
    const [mark = "", pids = "", left = ""] = new TextDecoder().decode(bytes).split(" ");
    settle(mark, { pids: numbers(pids), left: numbers(left) });
  }

  function settle(mark: string, ended: Ended): void {
    const one = ending.get(mark);
    ending.delete(mark);
    clearTimeout(one?.timer);
    one?.resolve(ended);
    rest();
  }

  function rest(): void {
    if (groups.size > 0 || ending.size > 0) return;
    child?.closeStdin();
    child = undefined;
  }

  return {
    add(group, mark) {
      groups.set(group, mark);
      if (child === undefined) start();
      else child.write(`+${group} ${mark}\n`);
    },
    remove(group) {
      groups.delete(group);
      child?.write(`-${group}\n`);
      rest();
    },
    end(mark) {
      const known = ending.get(mark);
      if (known !== undefined) return known.promise;
      if (!canFindMarked()) return Promise.resolve(nobody);
      if (child === undefined) start();
      const { promise, resolve } = Promise.withResolvers<Ended>();
      const timer = setTimeout(() => settle(mark, nobody), answerMs);
      ending.set(mark, { promise, resolve, timer });
      child?.write(`!${mark}\n`);
      return promise;
    },
  };
}

interface Ending {
  readonly promise: Promise<Ended>;
  resolve(ended: Ended): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

function numbers(text: string): number[] {
  return text.split(",").filter(Boolean).map(Number);
}

/** The same binary; from source the same runtime and the guard's file. */
function guardCommand(): readonly string[] {
  if (import.meta.url.includes("/$bunfs/")) return [process.execPath, "guard"];
  const file = fileURLToPath(new URL("./guard-run.ts", import.meta.url));
  const script = `(await import(${JSON.stringify(file)})).runGuard()`;
  return "Deno" in globalThis
    ? [process.execPath, "eval", script]
    : [process.execPath, "-e", script];
}
