/** What the call path knows of the audit: append a record, wait until it is durable. */

import type { IntentFields, OutcomeFields } from "../receipt/model.ts";
import type { Waiter } from "./landing.ts";

export interface Audit {
  /**
   * Gives the intent its place in the chain at once (synchronously: order of calls, so of seq).
   * Throws GW_AUDIT_UNAVAILABLE or GW_AUDIT_FULL, then nothing was written.
   */
  intent(fields: IntentFields): Appended;
  /** Never refused for quota: a reserve is kept for outcomes. */
  outcome(fields: OutcomeFields): Appended;
  /** A call refused before forwarding: one terminal record. */
  refusal(fields: IntentFields): Appended;
  /** What an operator did. `fields` holds no secret. */
  admin(
    action: string,
    keyId: string,
    fields: Readonly<Record<string, unknown>>,
  ): Pick<Appended, "durable">;
  status(): AuditStatus;
  /** Writes the close record, syncs, ships what it can within ms, and stops. */
  close(shipMs: number): Promise<void>;
}

export interface Appended {
  readonly seq: number;
  /** Public id: `r-<12 hex of chain>-<seq>`. */
  readonly id: string;
  /** Its two parts; `of` is the seq of the call's first record. */
  readonly idStart: string;
  readonly of: number;
  /**
   * undefined: nothing to wait for (mode fast). Else resolves when the record is on disk; rejects
   * with GW_AUDIT_UNAVAILABLE when it never will be.
   */
  readonly durable: Promise<void> | undefined;
  /** The same for the path of a call, which waits twice. False: nothing to wait for. */
  tells(waiter: Waiter): boolean;
}

export interface AuditStatus {
  readonly mode: "strict" | "fast";
  readonly chain: string;
  readonly nextSeq: number;
  /** Bytes in the spool not yet acknowledged by the store, and how many records. */
  readonly spoolBytes: number;
  readonly spoolRecords: number;
  /** Beyond this calls are refused: audit.spool.max without the two segments kept for outcomes. */
  readonly spoolMaxBytes: number;
  /** Age of the oldest unshipped record in ms, 0 when all is shipped. */
  readonly lagMs: number;
  /** Why the spool takes nothing; undefined while it works. */
  readonly broken: string | undefined;
  /** What helps then, where that is not the fix of GW_AUDIT_UNAVAILABLE. */
  readonly fix?: string;
  readonly store: {
    readonly kind: "postgres" | "sqlite";
    readonly ok: boolean;
    /** Last error, for people; without secrets. */
    readonly error: string | undefined;
    readonly shippedSeq: number;
  };
}
