/** What an upstream is made of: the part of the config it reads, and its ports. */

import type { Log } from "../base/log.ts";
import type { Clock, Random } from "../base/ports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { BreakerSettings } from "./breaker.ts";
import type { UpstreamState } from "./upstream.ts";

export interface UpstreamOptions {
  readonly config: ServerSettings;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  /** The gateway's environment; children get a few names of it (U9). */
  readonly env: Readonly<Record<string, string>>;
  /** DATADIR.RUN of the gateway, for the marks of its children; without it they have one too. */
  readonly run?: string;
  readonly limits: ResultLimit;
  /** What the gateway tells servers of itself. */
  readonly identity: Identity;
  readonly log: Log;
  /** What a state means now, for its line in the log; undefined where nothing is known. */
  explain?(state: UpstreamState): { readonly effect: string; readonly fix: string } | undefined;
  /** Counts what its processes and sessions told too fast. */
  readonly dropped?: Dropped;
}

export interface Dropped {
  count: number;
  /** Wall ms of the last one; 0: none. */
  atMs: number;
}

/** How large an answer may be, and the setting that says so where it is not limits.result. */
export interface ResultLimit {
  readonly resultBytes: number;
  readonly resultSetting?: string | undefined;
}

export interface Identity {
  readonly name: string;
  readonly version: string;
}

/** The part of gateway/config-model.ts ServerConfig that is read here. */
export interface ServerSettings {
  readonly id: string;
  readonly transport: StdioSettings | HttpSettings;
  readonly enabled: boolean;
  readonly protocol: "auto" | "legacy" | "modern";
  readonly maxInFlight: number;
  /** Calls over it that wait; 0: they are refused at once. */
  readonly maxQueued: number;
  /** When calls are refused for a while; undefined: never. */
  readonly breaker?: BreakerSettings | undefined;
  /** How often it is asked whether it is there while nobody calls; undefined: never. */
  readonly healthMs?: number | undefined;
  /** Which calls share a process or session of a legacy server. */
  readonly instance: InstanceSetting;
}

export type InstanceSetting = "shared" | "per-key" | "per-session";

/** What a legacy server is told that its clients can be asked. */
export interface Offer {
  /** Capabilities as JSON text. */
  readonly capabilities: string;
  /** Clients of several keys are behind it: nothing they answer may stay at the server. */
  readonly shared: boolean;
}

export interface StdioSettings {
  readonly kind: "stdio";
  readonly command: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

export interface HttpSettings {
  readonly kind: "http";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  readonly allowLinkLocal: boolean;
  /** HTTP+SSE (2024-11-05), without asking for newer ways first. */
  readonly sse: boolean;
}
