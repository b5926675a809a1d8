/** The config after reading, expanding and defaulting: what the rest of the gateway sees. */

import type { SizeLimit } from "../base/units.ts";
import type { Era } from "../protocol/message.ts";
import type { ConfigProblem } from "./config-problem.ts";

export interface Config {
  /** Absolute path of the file it came from. */
  readonly file: string;
  /** undefined: no port, only the MCP socket. */
  readonly listen: Address | undefined;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly behindProxy: boolean;
  /** Host names accepted beside the loopback ones. */
  readonly hosts: readonly string[];
  readonly dataDir: string;
  readonly database: DatabaseConfig;
  readonly auth: "keys" | "none";
  /** Absolute paths, in order. */
  readonly policy: readonly string[];
  /** `file:line:column` of each entry of `policy`. */
  readonly policyPlaces: readonly string[];
  /** Of `seal_key`; undefined: the file in dataDir. Never shown. */
  readonly sealKey: Uint8Array | undefined;
  /** What agents may speak. */
  readonly protocol: "auto" | Era;
  readonly naming: "prefix" | "auto" | "bare";
  /** How long the first lists after a start wait for servers whose lists are not known. */
  readonly startWaitMs: number;
  readonly audit: { readonly mode: "strict" | "fast"; readonly spoolBytesMax: number };
  readonly admin: {
    readonly socket: string;
    readonly group: string | undefined;
    /** A loopback port beside the socket, where reading needs a key too. */
    readonly listen: Address | undefined;
  };
  /** All that it and the policy were made of. */
  readonly files: readonly string[];
  readonly reload: { readonly watch: boolean };
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    readonly access: boolean;
    /** auto: text where stderr is a terminal. */
    readonly format: "auto" | "json" | "text";
  };
  readonly limits: {
    readonly bodyBytes: number;
    readonly resultBytes: number;
    readonly jsonDepth: number;
    readonly jsonValues: number;
    readonly callsPerKey: number;
  };
  readonly servers: readonly ServerConfig[];
  /** What was accepted but is worth saying: renamed ids, ignored keys. */
  readonly notes: readonly string[];
  /** Only of a lenient reading: why `database` cannot be used. Then it says sqlite, wrongly. */
  readonly databaseProblems?: readonly ConfigProblem[];
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type DatabaseConfig =
  | { readonly kind: "sqlite" }
  | {
      readonly kind: "postgres";
      /** With password; never shown. */
      readonly url: string;
      readonly adminUrl: string | undefined;
      readonly pool: number;
      readonly requiredAtStart: boolean;
    };

export interface ServerConfig {
  /** `[a-z0-9-]{1,32}`. */
  readonly id: string;
  readonly transport:
    | {
        readonly kind: "stdio";
        readonly command: readonly string[];
        readonly cwd: string | undefined;
        /** Declared ones only; what every child gets is added by the upstream. */
        readonly env: Readonly<Record<string, string>>;
      }
    | {
        readonly kind: "http";
        readonly url: string;
        /** The same for people: no secret in it. */
        readonly shown: string;
        readonly headers: Readonly<Record<string, string>>;
        /** PEM text of private CAs. */
        readonly ca: string | undefined;
        readonly allowLinkLocal: boolean;
        readonly sse: boolean;
      };
  readonly enabled: boolean;
  readonly required: boolean;
  readonly protocol: "auto" | "legacy" | "modern";
  readonly maxInFlight: number;
  readonly maxQueued: number;
  /** Of one call's arguments; undefined: what the body may have. */
  readonly maxArgs: SizeLimit | undefined;
  /** Of one answer; undefined: limits.result. */
  readonly maxResult: SizeLimit | undefined;
  /** When calls are refused as the server fails most; undefined: never. */
  readonly breaker:
    | { readonly failures: number; readonly of: number; readonly openMs: number }
    | undefined;
  /** How often it is asked whether it is there; undefined: never. */
  readonly healthMs: number | undefined;
  /** Which calls share a process or session of a legacy server. */
  readonly instance: "shared" | "per-key" | "per-session";
  /** How old its lists may get, and when ones that cannot be read again are not shown any more. */
  readonly lists: { readonly freshnessMs: number; readonly maxStaleMs: number };
  readonly timeout: TimeoutConfig;
  /** Per tool, by the server's own name. */
  readonly tools: Readonly<Record<string, ToolConfig>>;
}

export interface ToolConfig {
  readonly timeout: TimeoutConfig;
  /** Running it twice does no harm. */
  readonly idempotent: boolean;
  /** Its own, or the server's. */
  readonly maxArgs: SizeLimit | undefined;
}

export interface TimeoutConfig {
  readonly idleMs: number;
  readonly maxMs: number;
  /** Path of the setting that gave it, for error texts: `servers.files.timeout`. */
  readonly setting: string;
}
