/** One rule, ready to be evaluated. */

import type { Matcher } from "../base/glob.ts";
import type { Condition } from "./condition.ts";
import type { RuleRef } from "./model.ts";
import type { TargetMatcher } from "./target.ts";

export interface Rule {
  readonly ref: RuleRef;
  readonly hint: string | undefined;
  readonly target: TargetMatcher;
  readonly who: Who | undefined;
  readonly when: Condition | undefined;
  readonly unless: Condition | undefined;
  /** Of allow rules: which arguments there may be besides those the conditions name. */
  readonly otherArgs: OtherArgs;
  /** Top-level arguments that the conditions name. */
  readonly named: ReadonlySet<string>;
}

/** Both parts must hold where both are given. */
export interface Who {
  readonly roles: ReadonlySet<string> | undefined;
  readonly keys: Matcher | undefined;
}

export type OtherArgs = "declared" | "none" | "any" | ReadonlySet<string>;
