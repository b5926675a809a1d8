/** Types and paths of the control API: all that CLI and TUI know of a running gateway. */

import type { AccessStatus } from "../access/access.ts";
import type { AuditStatus } from "../audit/audit.ts";
import type { UpstreamStatus } from "../upstream/upstream.ts";
import type { LiveHandover, ReloadState } from "./contract-reload.ts";
import type { HiddenText, ItemCounts, ShownAge } from "./shown-age.ts";

export const paths = {
  status: "/v1/status",
  keys: "/v1/keys",
  revoke: "/v1/keys/revoke",
  rotate: "/v1/keys/rotate",
  tools: "/v1/tools",
  why: "/v1/tools/why",
  items: "/v1/items",
  itemWhy: "/v1/items/why",
  receipts: "/v1/receipts",
  receipt: "/v1/receipts/show",
  reload: "/v1/reload",
  logLevel: "/v1/log-level",
  snapshot: "/v1/snapshot",
  events: "/v1/events",
  serverRetry: "/v1/servers/retry",
  serverRestart: "/v1/servers/restart",
  serverEnable: "/v1/servers/enable",
  serverDisable: "/v1/servers/disable",
  callCancel: "/v1/calls/cancel",
  callExtend: "/v1/calls/extend",
} as const;

export interface GatewayStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly listen: readonly string[];
  readonly dataDir: string;
  readonly config: string;
  readonly policy: {
    readonly hash: string;
    readonly files: readonly string[];
    readonly rules: number;
  };
  readonly access: AccessStatus;
  readonly audit: AuditStatus;
  /** Gateways that take up each other's sessions show the same fingerprint. */
  readonly sealKey: { readonly fingerprint: string; readonly from: "config" | "data_dir" };
  readonly reload: ReloadState;
  /** Settings of the store that make a commit less than durable, for people. */
  readonly warnings: readonly string[];
  readonly servers: readonly (UpstreamStatus & {
    readonly id: string;
    readonly tools: number;
    readonly items: ItemCounts;
    readonly list: ShownAge | null;
    /** See LiveServer. */
    readonly failingSinceMs: number | null;
  })[];
  readonly sessions: number;
  readonly streams: number;
  readonly inFlight: number;
  readonly rssBytes: number;
  readonly gauges: LiveGauges;
}

/** A failed request: HTTP status of the code, this body. */
export interface AdminError {
  readonly code: string;
  readonly message: string;
  readonly cause: string;
  readonly fix: string;
}

export interface ListedKey {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly state: "live" | "expired" | "revoked";
}

/** GET tools?key=NAME: what there is, and with a key what it sees. */
export interface ListedTool {
  /** `server/tool`. */
  readonly tool: string;
  /** Name agents use. */
  readonly exposed: string;
  /** For the named key; null without one, and where the tool is offered to nobody. */
  readonly visible: "allow" | "deny" | "depends" | null;
  /** Why it is offered to nobody; null when it is offered. */
  readonly held_back: string | null;
  /**
   * Rules that decide it for the named key, the first one first: one where it is the same for every
   * call. Empty without a key, and where no rule is about it: then it is denied.
   */
  readonly by: readonly ToolRule[];
  /** Names of the arguments that its schema declares: what `other_args: declared` goes by. */
  readonly declared: readonly string[];
}

/** GET items?key=NAME: the same of prompts, resources and resource templates. */
export interface ListedItem {
  readonly kind: "prompt" | "resource" | "template";
  readonly server: string;
  /** `server/prompt`, the URI, or the template: what policy and receipts call it. */
  readonly item: string;
  /** A prompt's name for agents; the others have no other. */
  readonly exposed: string;
  readonly visible: ListedTool["visible"];
  readonly held_back: string | null;
  readonly by: readonly ToolRule[];
}

export interface ToolRule {
  readonly rule: string;
  readonly effect: "allow" | "ask" | "deny";
  /** `/etc/authensor-gw/policies/prod.yaml:31`. */
  readonly at: string;
}

/** GET tools/why?tool=SERVER/TOOL&key=NAME. */
export interface ToolWhy {
  readonly tool: string;
  readonly key: string;
  readonly visible: boolean;
  /** One sentence. */
  readonly why: string;
  readonly visibility: "allow" | "deny" | "depends" | null;
}

/** GET items/why?item=TARGET&key=NAME: as ToolWhy, `kind` is what it is; null: nothing that is. */
export interface ItemWhy extends Omit<ToolWhy, "tool"> {
  readonly item: string;
  readonly kind: ListedItem["kind"] | null;
}

/** GET receipts/show?id=ID: the records of one call, bodies as they are hashed. */
export interface ReceiptDetail {
  readonly id: string;
  readonly chain: string;
  readonly records: readonly {
    readonly seq: number;
    readonly kind: string;
    readonly hash: string;
    readonly prev: string;
    /** JSON text. */
    readonly body: string;
  }[];
}

/** GET log-level, and what a POST of {level, for_ms, server?, key?} or {level: null} answers. */
export interface LogLevelNow {
  readonly level: "debug" | "info" | "warn" | "error";
  /** Wall ms of its end; null: it is the config's. */
  readonly untilMs: number | null;
  /** What it is about; null: everything. */
  readonly server: string | null;
  readonly key: string | null;
}

/**
 * GET events: server-sent events. First `snapshot`, then `batch` at most every 100 ms and only when
 * something changed; each list holds the changed rows, whole. `id:` is the seq, which grows from
 * run to run too; Last-Event-ID resumes from a ring, a gap answers with a new snapshot, also in the
 * middle: it replaces all that was known. Times are wall ms of the gateway. Where nothing changes
 * for limits.liveHeartbeatMs a comment is sent: longer silence is a gateway that hangs.
 */
export type LiveEvent =
  | { readonly kind: "snapshot"; readonly snapshot: LiveSnapshot }
  | { readonly kind: "batch"; readonly batch: LiveBatch };

export interface LiveSnapshot {
  readonly seq: number;
  readonly now: number;
  readonly gateway: LiveGateway;
  readonly servers: readonly LiveServer[];
  /** In flight, then the last ended ones, oldest first. */
  readonly calls: readonly LiveCall[];
  readonly gauges: LiveGauges;
}

export interface LiveBatch {
  readonly seq: number;
  readonly now: number;
  readonly gateway?: LiveGateway;
  /** Ids of servers that are no more are in `gone`. */
  readonly servers?: readonly LiveServer[];
  readonly gone?: readonly string[];
  readonly calls?: readonly LiveCall[];
  readonly gauges?: LiveGauges;
}

export interface LiveGateway {
  readonly version: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly listen: readonly string[];
  readonly config: string;
  readonly dataDir: string;
  readonly policy: {
    readonly hash: string;
    readonly files: readonly string[];
    readonly rules: number;
  };
  readonly reload: ReloadState;
  readonly logLevel: string;
}

/**
 * POST servers/retry|restart|enable|disable: {server} → the server's row, once it is up or has
 * failed, at the latest after limits.serverActionMs. None of it outlives this run of the gateway.
 * POST calls/cancel: {call, reason?} → the call's row; its agent gets GW_ENDED_BY_OPERATOR.
 * POST calls/extend: {call, ms} → the call's row, whose deadline is at least ms from now.
 */
export type ServerAction = "retry" | "restart" | "enable" | "disable";

/** `queue`: it waits for its turn; `client`: the server waits for what its client is asked. */
export type CallStage = "waiting" | "intent" | "queue" | "server" | "client" | "outcome" | "over";

export interface LiveCall {
  /** `c-<number>`, of this run of the gateway. */
  readonly id: string;
  /** `server/tool`, or the name the agent used where no server offers it. */
  readonly tool: string;
  readonly server: string;
  readonly key: string;
  /** Self-declared `name/version`, "" when not said. */
  readonly client: string;
  /** Digest of the session, "" without one. */
  readonly session: string;
  /** Agent's and server's era; `out` is null until it was sent. */
  readonly era: { readonly in: "legacy" | "modern"; readonly out: "legacy" | "modern" | null };
  readonly protocol: string;
  readonly startedMs: number;
  readonly stage: CallStage;
  readonly stageMs: number;
  /** While the server or its client has it: whichever limit fires first, and what set it. */
  readonly deadline: {
    readonly atMs: number;
    /** `client`: how long its client may take to answer the server's question. */
    readonly which: "idle" | "max" | "client";
    readonly setting: string;
    readonly limitMs: number;
    /** Progress notifications so far: each sets `idle` anew. */
    readonly progress: number;
  } | null;
  readonly decision: {
    readonly effect: "allow" | "ask" | "deny";
    readonly rule: string | null;
    /** `policies/prod.yaml:31`, null when no rule decided. */
    readonly at: string | null;
    readonly code: string | null;
    readonly hint: string | null;
  } | null;
  /** null while it runs; the words of receipts. */
  readonly outcome: string | null;
  /** Error code, null when the server answered. */
  readonly code: string | null;
  /** What went wrong, one sentence; null when nothing did. */
  readonly why: string | null;
  readonly receipt: string | null;
  readonly argsBytes: number;
  readonly resultBytes: number;
  readonly dropped: number; // progress and log messages that came too fast
  readonly tookMs: number | null;
  /** ms of each stage, in this order; what did not happen is null. */
  readonly timings: {
    readonly decide: number | null;
    readonly intent: number | null;
    readonly queue: number | null;
    readonly server: number | null;
    readonly outcome: number | null;
  };
}

export interface LiveServer {
  readonly id: string;
  readonly transport: "http" | "stdio";
  /** URL without secrets, or the command's name. */
  readonly target: string;
  /** `degraded`: it answers, but its list or some calls fail. */
  readonly state: UpstreamStatus["state"];
  readonly sinceMs: number;
  /** Since when it is not well, however often it was tried meanwhile; null when it is well. */
  readonly failingSinceMs: number | null;
  readonly era: "legacy" | "modern" | null;
  readonly protocol: string | null;
  /** What the server says of itself: `name version`. */
  readonly hello: string | null;
  readonly tools: number;
  readonly quarantined: number;
  /** `5: CAUSE`, most first. */
  readonly heldBackWhy?: readonly string[];
  /** What else it offers, and how much of that is held back. */
  readonly items: ItemCounts;
  /** null: nothing of it is shown. */
  readonly list: ShownAge | null;
  readonly hidden: HiddenText;
  readonly busy: number;
  readonly maxInFlight: number;
  /** Calls that wait for their turn, and how many may. */
  readonly queued: number;
  readonly maxQueued: number;
  readonly pid: number | null;
  /** Beside that of `pid`: processes or sessions for clients that can be asked (`instance`). */
  readonly instances: readonly LiveInstance[];
  /** What it asked (refused), logged and answered (dropped) that belongs to no call we know. */
  readonly unattributed: Readonly<Record<"question" | "log" | "answer", number>>;
  /** What it told and asked beside its calls, too fast to be read; when last, null: never. */
  readonly dropped: { readonly count: number; readonly lastMs: number | null };
  readonly nextAttemptMs: number | null;
  /** Handshakes tried since it was last ready; bare connects while nobody listens are none. */
  readonly attempts: number;
  /**
   * What is wrong, what to do (a command where there is one), what it means. null when it is well,
   * and when the config disables it; one that an operator disabled says so.
   */
  readonly trouble: {
    readonly code: string;
    readonly cause: string;
    readonly fix: string;
    readonly effect: string;
  } | null;
  /** Over the last 500 calls; null without any. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly calls: number;
  readonly failed: number;
  /** State changes and list refreshes, newest first. */
  readonly history: readonly {
    readonly atMs: number;
    readonly what: string;
    /** Of a change for the worse: what it meant then, and what to do. */
    readonly effect?: string;
    readonly fix?: string;
  }[];
  /** Last lines of stderr, newest last. */
  readonly stderr: readonly string[];
  readonly handover?: LiveHandover;
}

/** One further process or session of a server up to 2025-11-25. */
export interface LiveInstance {
  /** Whom it is for: what its clients can be asked, and of which key where that matters. */
  readonly name: string;
  readonly state: UpstreamStatus["state"];
  readonly cause: string | null;
  readonly pid: number | null;
  /** Calls in flight there, with those that wait for their turn. */
  readonly busy: number;
  readonly waiting: number;
}

/** One thing that can run out: what is used, its limit, and what happens there. */
export interface LiveGauge {
  /** Stable name, such as `memory`, `loop_lag`, `file_handles`, `sessions`. */
  readonly name: string;
  readonly used: number;
  /** null: no limit is known. */
  readonly limit: number | null;
  readonly unit: "bytes" | "ms" | "count";
  /** What happens at the limit, one sentence. */
  readonly at_limit: string;
  readonly ok: boolean;
}

export interface LiveGauges {
  readonly gauges: readonly LiveGauge[];
  readonly store: {
    readonly kind: "postgres" | "sqlite";
    readonly ok: boolean;
    readonly error: string | null;
    readonly pool: {
      readonly busy: number;
      readonly idle: number;
      readonly waiting: number;
      readonly max: number;
      readonly waitP95Ms: number | null;
      readonly queryP95Ms: number | null;
    } | null;
  };
  readonly spool: {
    readonly records: number;
    readonly bytes: number;
    readonly maxBytes: number;
    readonly oldestMs: number;
    /** What the gateway does now, one sentence, such as `writing receipts`. */
    readonly behaviour: string;
    readonly broken: string | null;
  };
  /** Of the last second. */
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
  /** Wall ms of process start to now is `now - startedMs`; CPU share of one core, 0 to 1. */
  readonly cpu: number;
}
