/**
 * `reload.watch`: looks at the files of config and policy. By stat and not by events: these are
 * lost over networks, bind mounts and the symbolic links of Kubernetes, and a few files cost
 * nothing. What is being written is left alone until it is quiet.
 */

import { stat } from "node:fs/promises";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";

export interface FileWatch {
  /** Begins or ends it. The first look is a change: who knows what was written since the start. */
  set(on: boolean): void;
}

export interface FileWatchPorts {
  readonly clock: Clock;
  /** Those of the config in force. */
  files(): readonly string[];
  /** A change that is complete; rejects when it cannot be loaded, which is told elsewhere. */
  changed(): Promise<unknown>;
  /** Whether a file is there, and what changes with it; undefined: it is not there. */
  stamp?(file: string): Promise<string | undefined>;
}

interface Seen {
  readonly text: string;
  readonly away: boolean;
}

export function createFileWatch(ports: FileWatchPorts): FileWatch {
  const { clock } = ports;
  let run = 0;

  function watch(own: number): void {
    let loaded = "";
    let pending: string | undefined;
    let since = 0;
    const again = () => void clock.after(limits.reloadLookMs, () => void next());
    const next = async () => {
      if (run !== own) return;
      const { text, away } = await look(ports);
      if (run !== own) return;
      const now = clock.mono();
      if (text === loaded) pending = undefined;
      else if (text !== pending) [pending, since] = [text, now];
      // An editor that takes the file away puts another there in a moment.
      else if (now - since >= (away ? limits.reloadAwayMs : 2 * limits.reloadLookMs)) {
        // Before it is read: what is written meanwhile is a change again.
        [loaded, pending] = [text, undefined];
        await ports.changed().catch(() => undefined);
        // Another list of files looks different by itself.
        if ((await look(ports)).text !== text) loaded = "";
      }
      again();
    };
    again();
  }

  return {
    set(on) {
      run += 1;
      if (on) watch(run);
    },
  };
}

async function look({ files, stamp = stampOf }: FileWatchPorts): Promise<Seen> {
  const stamps = await Promise.all(
    files().map(async (file) => ({ file, stamp: await stamp(file) })),
  );
  return {
    text: JSON.stringify(stamps),
    away: stamps.some((one) => one.stamp === undefined),
  };
}

async function stampOf(file: string): Promise<string | undefined> {
  try {
    const { mtimeMs, ctimeMs, size, ino, mode } = await stat(file);
    return [mtimeMs, ctimeMs, size, ino, mode].join();
  } catch {
    // Not there, or not to be seen: it may come back.
    return undefined;
  }
}
