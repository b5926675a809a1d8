/**
 * Receipts as data. A chain is one gateway process from start to end. Each record's body is JSON
 * text with members in a fixed order; those bytes, not a re-encoding, are what is hashed and kept.
 *
 * hash = SHA-256("authensor/receipt/v1\0" ‖ chain id (16 bytes) ‖ seq (u64 be) ‖ prev hash (32)
 *        ‖ body length (u64 be) ‖ body)
 */

export type RecordKind =
  /** First of a chain: build, data_dir, the chain before and its head. */
  | "open"
  /** A decided call, before any byte goes upstream. */
  | "intent"
  /** The end of an intent. */
  | "outcome"
  /** A call that was refused: intent and outcome in one. */
  | "refusal"
  /** Mode fast: a call that ended before its intent was written, intent and outcome in one. */
  | "call"
  /** Found at start: what a crash left behind (lost bytes; then outcomes `unknown` follow). */
  | "recovery"
  /** Something an operator did: keys, reload. */
  | "admin"
  /** Last of a chain that ended in order. */
  | "close";

export type Outcome =
  | "ok"
  | "tool_error"
  | "denied"
  | "held"
  | "expired"
  | "limited"
  | "cancelled"
  | "timeout"
  | "upstream_down"
  | "upstream_error"
  | "unknown";

/** What an intent or refusal says. Digests are SHA-256 hex over exact bytes. */
export interface IntentFields {
  readonly keyId: string;
  readonly keyName: string;
  /** Front session id's digest (first 16 hex), or "" where there is none. */
  readonly session: string;
  /** Self-declared "name/version" of the agent. */
  readonly client: string;
  readonly era: "legacy" | "modern";
  readonly method: string;
  readonly server: string;
  /** The server's own name of the tool; policy and people write `server/tool`. */
  readonly tool: string;
  /** Of the bytes of `arguments` as forwarded. */
  readonly argsHash: string;
  readonly argsBytes: number;
  /** Of the other params members, "" when there are none. */
  readonly paramsHash: string;
  readonly policyHash: string;
  readonly effect: "allow" | "ask" | "deny";
  /** The deciding rule's id, "" when none. */
  readonly rule: string;
  readonly rules: readonly string[];
  /** Of the tool's definition that was in force. */
  readonly definitionHash: string;
  /** Error code of a refusal, "" for an intent. */
  readonly code: string;
  /** Outcome of a refusal, "" for an intent. */
  readonly outcome: Outcome | "";
  /** µs from the request's arrival to the decision. */
  readonly decideUs: number;
}

/** What a server asked its client in the middle of a call. */
export interface AskedFields {
  readonly method: string;
  /** Of the question's params as they came. */
  readonly paramsHash: string;
  readonly end:
    | "answered"
    | "accept"
    | "decline"
    | "cancel"
    | "error"
    /** The policy names the method: nobody was asked. */
    | "denied"
    | "undeclared"
    /** The client takes no questions here. */
    | "unasked"
    | "taken_back"
    | "unanswered"
    /** To a modern client, whose answer is a call of its own. */
    | "passed";
}

/** How a call ended. */
export interface EndFields {
  readonly outcome: Outcome;
  /** Error code, "" when the server answered. */
  readonly code: string;
  /** Of the result's bytes as they came from the server, "" when there is none. */
  readonly resultHash: string;
  readonly resultBytes: number;
  /** ms from arrival to the answer, and the part spent waiting for the server; 3 decimals. */
  readonly tookMs: number;
  readonly serverMs: number;
  /** The part spent waiting for its turn there; it did not: undefined, no member of the record. */
  readonly queueMs?: number | undefined;
  /** Nothing was asked: undefined, and no member of the record. */
  readonly asked?: readonly AskedFields[] | undefined;
}

export interface OutcomeFields extends EndFields {
  /** seq of the intent. */
  readonly of: number;
}

/** A record of a call before it is made bytes. `at`: wall ms. */
export type CallRecord =
  | {
      readonly kind: "intent" | "refusal";
      readonly fields: IntentFields;
      readonly at: number;
    }
  | { readonly kind: "outcome"; readonly fields: OutcomeFields; readonly at: number }
  | {
      readonly kind: "call";
      readonly fields: IntentFields;
      readonly at: number;
      readonly end: EndFields;
    };

/** One record as it stands in the spool and the store. */
export interface ChainRecord {
  /** uuid. */
  readonly chain: string;
  readonly seq: number;
  readonly kind: RecordKind;
  readonly prev: Uint8Array;
  readonly hash: Uint8Array;
  /** Exact bytes. */
  readonly body: Uint8Array;
}
