/** Types of the control API: what a reload does, and what became of the last one. */

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
}
