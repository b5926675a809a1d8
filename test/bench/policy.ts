/** Fifty rules as a team might have them; eight of them look at the bench's own tool. */

export function benchPolicy(): string {
  const rules: string[] = [];
  const add = (text: string): number => rules.push(`  - ${text}`);
  add("{ id: echo, effect: allow, tools: [bench/echo], other_args: declared }");
  add(
    '{ id: no-token, effect: deny, tools: ["*"], when: { args.text?: { contains: "sk-live-" } } }',
  );
  for (let n = 0; n < 6; n++) {
    const when = `{ args.text?: { starts_with: "forbidden-${n}" }, key.name: { glob: "b*" } }`;
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
