/** The policy templates, as text inside the binary; cases in `test/cases/policy/<name>.yaml`. */

import allowAllAudited from "./allow-all-audited.yaml" with { type: "text" };
import askBeforeWrite from "./ask-before-write.yaml" with { type: "text" };
import denyAll from "./deny-all.yaml" with { type: "text" };
import readOnly from "./read-only.yaml" with { type: "text" };

export interface Template {
  readonly name: string;
  /** One line for a list of templates. */
  readonly summary: string;
  readonly text: string;
}

export const templates: readonly Template[] = [
  { name: "deny-all", summary: "Nothing is allowed", text: denyAll },
  { name: "read-only", summary: "Tools that read by their name", text: readOnly },
  {
    name: "ask-before-write",
    summary: "Reading is allowed, a person approves changes",
    text: askBeforeWrite,
  },
  {
    name: "allow-all-audited",
    summary: "Everything is allowed and recorded, for a first look",
    text: allowAllAudited,
  },
];
