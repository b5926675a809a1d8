/** Fifty rules as a team might have them; eight of them look at the bench's own tool. */

import { limits } from "../../src/base/limits.ts";

/**
 * `bytes` of the argument: policy reads texts up to limits.subjectBytes and denies what it cannot
 * read, so that longer ones are tried by their length alone.
 */
export function benchPolicy(bytes = 200): string {
  const readable = bytes <= limits.subjectBytes;
  const rules: string[] = [];
  const add = (text: string): number => rules.push(`  - ${text}`);
  add("{ id: echo, effect: allow, tools: [bench/echo], other_args: declared }");
  const token = readable ? '{ contains: "sk-live-" }' : "{ max_length: 3 }";
  add(`{ id: no-token, effect: deny, tools: ["*"], when: { args.text?: ${token} } }`);
  for (let n = 0; n < 6; n++) {
    const text = readable ? `{ starts_with: "forbidden-${n}" }` : `{ max_length: ${n} }`;
    const when = `{ args.text?: ${text}, key.name: { glob: "b*" } }`;
    add(`{ id: echo-not-${n}, effect: deny, tools: ["bench/*"], when: ${when} }`);
  }
  for (let n = 0; n < 14; n++) {
    const when = `{ args.amount: { lte: ${100 + n} }, args.currency: { one_of: [EUR, USD] } }`;
    add(`{ id: pay-${n}, effect: allow, tools: [pay${n}/charge], when: ${when} }`);
  }
  for (let n = 0; n < 14; n++) {
    const unless = `{ args.path?: { path: "/srv/data${n}/**" } }`;
    add(`{ id: stay-${n}, effect: deny, tools: ["files${n}/*"], unless: ${unless} }`);
  }
  for (let n = 0; n < 14; n++) {
    add(`{ id: read-${n}, effect: allow, tools: ["git${n}/get_*", "git${n}/list_*"] }`);
  }
  return `id: bench\nrules:\n${rules.join("\n")}\n`;
}
