/**
 * The log's level while the gateway runs: a changed one ends by itself, because a gateway that was
 * left at debug fills a disk. It may be about one server or one key only.
 */

import { type Admits, from, type Level } from "../base/log.ts";
import type { Clock } from "../base/ports.ts";

export interface LogLevel {
  /** For base/log.ts. */
  readonly admits: Admits;
  current(): LevelNow;
  /** Until `forMs` is over; `server` and `key` (its name) narrow it to lines that name these. */
  set(level: Level, options: LevelOptions): LevelNow;
  /** Back to the config's. */
  reset(): LevelNow;
  /** The config has another one. What an operator set stays until it ends. */
  configure(level: Level): void;
  /** Cheap, asked for each call: whether anything of this key may be logged at debug. */
  debugs(keyName: string): boolean;
}

export interface LevelOptions {
  readonly forMs: number;
  readonly server?: string | undefined;
  readonly key?: string | undefined;
}

export interface LevelNow {
  readonly level: Level;
  /** Wall ms; null: it is the config's. */
  readonly untilMs: number | null;
  readonly server: string | null;
  readonly key: string | null;
}

/** `ended` is told when a level ended by itself. */
export function createLogLevel(
  configured: Level,
  clock: Clock,
  ended: (was: LevelNow) => void,
): LogLevel {
  let usual: LevelNow = usualLevel(configured);
  let base = from(configured);
  let now = usual;
  let changed = base;
  let cancel = () => {};

  const end = () => {
    cancel();
    cancel = () => {};
    now = usual;
    changed = base;
  };

  return {
    admits: (level, fields) =>
      now === usual || !isAbout(now, fields) ? base(level, fields) : changed(level, fields),
    current: () => now,
    set(level, { forMs, server, key }) {
      end();
      now = {
        level,
        untilMs: clock.now() + forMs,
        server: server ?? null,
        key: key ?? null,
      };
      changed = from(level);
      cancel = clock.after(forMs, () => {
        const was = now;
        end();
        ended(was);
      });
      return now;
    },
    reset() {
      end();
      return now;
    },
    configure(level) {
      const was = usual;
      usual = usualLevel(level);
      base = from(level);
      if (now !== was) return;
      now = usual;
      changed = base;
    },
    debugs(keyName) {
      const { level } = usual;
      if (now === usual || (now.key !== null && now.key !== keyName)) return level === "debug";
      return now.level === "debug" || (now.server !== null && level === "debug");
    },
  };
}

function usualLevel(level: Level): LevelNow {
  return { level, untilMs: null, server: null, key: null };
}

/** A line that names neither server nor key is about the gateway: not what was asked for. */
function isAbout(now: LevelNow, fields: Record<string, unknown> | undefined): boolean {
  if (now.server !== null && fields?.["server"] !== now.server) return false;
  return now.key === null || fields?.["key"] === now.key;
}
