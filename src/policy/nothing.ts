/** Whether rules can allow any call at all; not a proof, but the two ways in which they do not. */

import type { Rule } from "./rule.ts";
import type { TargetGlobs } from "./target.ts";

/** There is no allow rule, or a deny rule without conditions covers what each is about. */
export function allowsNothing(rules: readonly Rule[]): boolean {
  const whole = rules.filter(
    ({ ref, who, when, unless }) =>
      ref.effect === "deny" && who === undefined && when === undefined && unless === undefined,
  );
  const isDenied = (kind: keyof TargetGlobs) =>
    whole.some(({ target: { globs } }) => {
      const isNamed = kind === "tools" || kind === "prompts";
      if (globs.methods.includes("*") || globs[kind].includes("*")) return true;
      return isNamed && globs[kind].includes("*/*");
    });
  return rules
    .filter(({ ref }) => ref.effect === "allow")
    .every(({ target: { globs } }) =>
      kinds.every((kind) => globs[kind].length === 0 || isDenied(kind)),
    );
}

const kinds = ["tools", "resources", "prompts", "methods"] as const;
