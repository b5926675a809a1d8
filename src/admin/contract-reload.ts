/** Types of the control API: what a reload does, and what became of the last one. */

import type { UpstreamState } from "../upstream/upstream.ts";

export interface ReloadState {
  /** Wall ms when config and policy in force were read. */
  readonly readMs: number;
  /** Why the last reload changed nothing; null: it was good, or there was none. */
  readonly fault: string | null;
  /** Keys that the config's file has changed and that need a start of the gateway. */
  readonly restart: readonly string[];
}

/** POST reload {dry_run?}: what it did, or with `dry_run` what it would do. */
export interface ReloadReport {
  readonly dryRun: boolean;
  /** Something that runs is another one now. */
  readonly changed: boolean;
  readonly servers: readonly ReloadedServer[];
  /** Keys of the config that come into force at once. */
  readonly settings: readonly string[];
  /** Keys that stay as they were until the gateway is started anew (GW_RELOAD_RESTART). */
  readonly restart: readonly string[];
  /**
   * What keys see of the tools that are known; those of a server that comes are not. `appearFor`,
   * `goFor`: how many keys see a difference; `ofKeys`: how many of `keys` were looked at.
   */
  readonly tools: {
    readonly appear: number;
    readonly appearFor: number;
    readonly go: number;
    readonly goFor: number;
    readonly ofKeys: number;
    readonly keys: number;
  };
  /** That is in force afterwards. */
  readonly policy: {
    readonly hash: string;
    readonly files: readonly string[];
    readonly rules: number;
    readonly changed: boolean;
  };
}

export interface ReloadedServer {
  readonly id: string;
  /** `update`: in place; `restart`, `replace`: another process or session takes over. */
  readonly action: "add" | "remove" | "update" | "restart" | "replace" | "enable" | "disable";
  /** Keys of its entry that changed. */
  readonly keys: readonly string[];
  /** Calls that end at the process or session from before. */
  readonly inFlight: number;
  /** The config disables it, so it is not started. */
  readonly disabled?: true;
  /** It was not up when the reload answered; absent where it was, and in a dry run. */
  readonly notUp?: {
    readonly state: UpstreamState;
    /** null: it is starting still. */
    readonly cause: string | null;
    readonly fix: string | null;
    /** Until when calls go to the one from before; null: there is none. */
    readonly untilMs: number | null;
  };
}

/**
 * What a reload started is not up, and the one from before stands in: the server's row is of that,
 * and its `target` of the new one. Absent where nothing is to take over.
 */
export interface LiveHandover {
  /** The `target` of what answers now. */
  readonly from: string;
  readonly state: UpstreamState;
  readonly sinceMs: number;
  /** Why its last attempt failed; null: none has. */
  readonly cause: string | null;
  readonly nextAttemptMs: number | null;
  /** When the reload was, and when it takes over at the latest, up or not. */
  readonly begunMs: number;
  readonly untilMs: number;
  readonly stderr: readonly string[];
}
