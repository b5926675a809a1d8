/** What the gateway keeps in Postgres or SQLite. Every method has its own deadline (L10). */

import type { JsonObject } from "../base/json.ts";
import type { JoinedRow } from "../receipt/decode.ts";
import type { ChainRecord } from "../receipt/model.ts";

export interface Store {
  readonly kind: "postgres" | "sqlite";
  /** Where it is, without a password: for messages. */
  readonly place: string;
  /** Creates or upgrades tables: forward only, locked, safe for two starters at once. */
  migrate(): Promise<void>;
  ping(): Promise<void>;

  /**
   * Takes records of one chain in order, exactly once: those already there are compared by hash and
   * skipped. Rejects with GW_AUDIT_FORK when another hash is there, GW_DATABASE when it cannot say.
   */
  ship(records: readonly ChainRecord[]): Promise<void>;
  /** The same for a store that reads frames itself: nothing is decoded on the loop. */
  shipFrames?(batch: FrameBatch): Promise<FrameBuffer | undefined>;
  /** Last seq of a chain, -1 when unknown. */
  head(chain: string): Promise<number>;
  /** Chains, oldest first. */
  chains(): Promise<readonly string[]>;
  /** Records of a chain from a seq on, in order, at most `limit`. */
  records(chain: string, fromSeq: number, limit: number): Promise<readonly StoredRecord[]>;
  /** For verify: the end of each chain as the store notes it, and what no gateway wrote. Cheap. */
  inspect(): Promise<Inspected>;
  /** Receipt rows, newest first. */
  receipts(query: ReceiptQuery): Promise<readonly ReceiptRow[]>;

  keys(): Promise<readonly KeyRow[]>;
  /** Inserts; rejects GW_NAME when a live key has this name. */
  addKey(row: KeyRow): Promise<void>;
  /**
   * Inserts `row` and ends the live key of the same name, in one step: it expires at `oldEndsMs`,
   * or is revoked when that is not after `row.createdMs`. Rejects GW_NAME when `oldId` is not live.
   */
  replaceKey(row: KeyRow, oldId: string, oldEndsMs: number): Promise<void>;
  /** Sets revoked_at where it is not set; false when there is no such key. */
  revokeKey(id: string, atMs: number): Promise<boolean>;
  /** Changes whenever a key changes, whoever did it: one cheap read. */
  keysVersion(): Promise<number>;
  /**
   * Legacy sessions: what of them a restart or another gateway cannot know from their ids. Lays
   * each patch over what is there; an end is for good, and a session stays its key's. Gives the
   * version that these rows have now.
   */
  saveSessions(changes: readonly SessionChange[]): Promise<number>;
  session(digest: string): Promise<SessionRow | undefined>;
  /**
   * Rows with a higher version, lowest first, at most `limits.storePage`, and the version they end
   * at: one cheap read. undefined: no rows, only where the versions are now.
   */
  sessionsSince(version: number | undefined): Promise<SessionChanges>;
  /** Those whose time was over before `nowMs`. */
  forgetSessions(nowMs: number): Promise<void>;
  /** What is wrong with the server's settings, for people; empty when nothing is known (A22). */
  warnings(): readonly string[];
  /** Connections now; a store without any has none of it. */
  pool?(): PoolStatus;
  close(): Promise<void>;
}

export interface PoolStatus {
  readonly busy: number;
  readonly idle: number;
  /** Uses that wait for a connection. */
  readonly waiting: number;
  readonly max: number;
  /** ms, over the last uses; null without any. */
  readonly waitP95Ms: number | null;
  readonly queryP95Ms: number | null;
}

/** A record, and the first column beside its body that does not say what the body says. */
export interface StoredRecord extends ChainRecord {
  readonly wrong?: string | undefined;
}

export interface Inspected {
  /** From `chain_heads`; what ships moves them together with the rows. hash: hex. */
  readonly ends: readonly { readonly chain: string; readonly seq: number; readonly hash: string }[];
  /** Rows and heads that belong to no chain, or to one that cannot be. */
  readonly strays: readonly Stray[];
}

export interface Stray {
  /** As it is stored, or what is known of it. */
  readonly chain: string;
  readonly seq: number;
  readonly why: string;
}

/** Records of one chain in order as they stand in the spool (base/frame.ts), without headers. */
export interface FrameBatch<Bytes extends Uint8Array = FrameBuffer> {
  readonly chain: string;
  /** seq of the first, the hash before it, and how many there are. */
  readonly first: number;
  readonly prev: Uint8Array;
  readonly count: number;
  /** Whole frames, `length` bytes of them. Handed over: the caller may not use it any more. */
  readonly buffer: Bytes;
  readonly length: number;
}

/** Its own memory, so that threads can hand it over; shipFrames may give it back to use again. */
export type FrameBuffer = Uint8Array<ArrayBuffer>;

export interface ReceiptQuery {
  readonly limit: number;
  /** Only receipts before this time. */
  readonly beforeMs?: number;
  readonly key?: string;
  readonly tool?: string;
  readonly outcome?: string;
  readonly id?: string;
}

/** One call: its intent joined with its outcome, as `receipts list --json` prints it. */
export type ReceiptRow = JoinedRow;

/** One legacy session. */
export interface SessionRow {
  /** Of its id, which is not stored. */
  readonly digest: string;
  readonly keyId: string;
  /** Nobody may use it after this time, so nobody needs the row. */
  readonly endsMs: number;
  /** Ended by its client: nobody may use it any more. */
  readonly endedMs: number | null;
  /** JSON text of an object, the front's. */
  readonly state: string;
}

export interface SessionChange extends Omit<SessionRow, "state"> {
  /** Members of the state; null takes one out. */
  readonly patch: JsonObject;
}

export interface SessionChanges {
  readonly version: number;
  readonly rows: readonly (SessionRow & { readonly version: number })[];
}

export interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
  /** SHA-256 hex of the token. */
  readonly tokenHash: string;
  readonly createdMs: number;
  readonly expiresMs: number | null;
  readonly revokedMs: number | null;
}
