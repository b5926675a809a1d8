/** Policy as data. Nothing here does I/O, reads a clock or uses JavaScript RegExp. */

import type { BriefObject } from "../base/brief.ts";
import type { Json, JsonObject } from "../base/json.ts";
import type { UriTemplate } from "../base/uri-template.ts";

export type Effect = "allow" | "ask" | "deny";
/** What a call is about. `method` is for methods that have no name of their own. */
export type TargetKind = "tool" | "resource" | "prompt" | "method";

/** Who calls: the same for all calls of a key, so candidates can be prepared per subject. */
export interface Subject {
  readonly keyId: string;
  readonly keyName: string;
  readonly roles: readonly string[];
  /** Claims of a token (OIDC), empty for API keys. */
  readonly claims: JsonObject;
}

/** What is called: `server/tool`, a resource URI, `server/prompt`, or a method name. */
export interface Target {
  readonly kind: TargetKind;
  readonly name: string;
  /** Names of the top-level arguments that the schema in force declares; undefined: no schema. */
  readonly declared: ReadonlySet<string> | undefined;
  /** Set where the name is a template of many URIs: all that is asked is whether it is shown. */
  readonly template?: UriTemplate;
}

/** The facts of one call. Roots of condition paths: args key client claims request time. */
export interface Facts {
  /** Texts that no rule may read may be brief: the decision is the same. */
  readonly args: BriefObject;
  /** Some number in args is not what was written (1e400, 2^53+1): comparing numbers is unknown. */
  readonly inexact?: boolean;
  /** Self-declared; load refuses it in allow rules. */
  readonly client: JsonObject;
  /** era, protocol, method, transport: what the gateway knows of the request. */
  readonly request: JsonObject;
  /** Wall time in ms, handed in: policy has no clock. */
  readonly nowMs: number;
}

export interface RuleRef {
  readonly id: string;
  readonly effect: Effect;
  readonly file: string;
  readonly line: number;
}

export interface Decision {
  readonly effect: Effect;
  /** GW_DENIED, GW_NO_RULE, GW_NO_POLICY or GW_ASK when not allowed. */
  readonly code: "GW_DENIED" | "GW_NO_RULE" | "GW_NO_POLICY" | "GW_ASK" | undefined;
  /** The rule that decided; undefined when none matched. */
  readonly rule: RuleRef | undefined;
  /** It matched because its conditions, or the URI it is about, could not be decided. */
  readonly undecided: boolean;
  /** Every rule that matched, ids in file order. */
  readonly matched: readonly string[];
  /** Shown to the agent: from the deciding rule, or from an allow rule that nearly matched. */
  readonly hint: string | undefined;
}

/** What a list may show: hidden only where every call is denied (P12). */
export type Visibility = "allow" | "deny" | "depends";

/** One loaded bundle: immutable; a call keeps the one it began with (P28). */
export interface Policy {
  /** sha256 hex over the canonical source of all files. */
  readonly hash: string;
  readonly rules: readonly RuleRef[];
  readonly files: readonly string[];
  /** Whether two keys may see different lists: some rule says `who`. */
  readonly dependsOnKey: boolean;
  /** No call of any key can be allowed by it. */
  readonly allowsNothing: boolean;
  /** Each glob over `server/name`, with its rule. */
  named(): readonly { readonly rule: RuleRef; readonly glob: string }[];
  /** Rules that can apply to this subject and target; the caller keeps it per key and tool. */
  candidates(subject: Subject, target: Target): Candidates;
}

/** Prepared at load or first use; deciding runs only conditions. */
export interface Candidates {
  readonly visibility: Visibility;
  /** Total: never throws, bounded steps. */
  decide(facts: Facts): Decision;
  /** The same decision with each rule and condition considered and its three-valued result. */
  explain(facts: Facts): Explanation;
}

export interface Explanation {
  readonly decision: Decision;
  readonly rules: readonly {
    readonly rule: RuleRef;
    readonly result: Tri;
    readonly conditions: readonly ConditionTrace[];
  }[];
}

export type Tri = "true" | "false" | "unknown";

export interface ConditionTrace {
  readonly path: string;
  readonly operator: string;
  readonly result: Tri;
  /** Why it is unknown: missing, wrong type, over a limit. */
  readonly note?: string;
  readonly value?: Json;
}

/** A problem in a policy file; line and column count from 1. */
export interface PolicyProblem {
  readonly code: string;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly fix?: string;
}
