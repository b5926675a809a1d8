/** `npx bun test/policy/decide.bench.ts`: µs per decision in a policy of 50 rules. */

import type { JsonObject } from "../../src/base/json.ts";
import type { Candidates, Facts } from "../../src/policy/model.ts";
import { executor, facts, load, tool } from "./kit.ts";

const rules = Array.from(
  { length: 45 },
  (_, index) =>
    `  - { id: r${index}, effect: allow, tools: ["s${index}/*"], when: { args.a: { lte: 5 } } }`,
);
const policy = load(`
allow: ["open/*"]
rules:
${rules.join("\n")}
  - id: free
    effect: allow
    tools: ["free/*"]
    other_args: any
  - id: pay
    effect: allow
    tools: [pay/charge]
    when: { args.amount: { lte: 100 }, args.currency: { one_of: [EUR, USD] } }
  - id: no-secrets
    effect: deny
    tools: ["pay/*"]
    when: { args.note?: { contains: secret }, args.note: { exists: true } }
  - id: stay
    effect: deny
    tools: ["files/*", "pay/*"]
    unless: { args.path?: { path: "/srv/data/**" } }
`);

const pay = { amount: 5, currency: "EUR", note: "lunch" };
run("unconditional, other_args any", "free/x", { a: 1, b: "two" });
run("unconditional, declared args", "open/x", { a: 1, b: "two" });
run("3 conditional candidates", "pay/charge", pay);
run("deny by path", "files/read", { path: "/srv/data/../etc/passwd" });
run("nothing matches", "other/x", {});

const target = tool("pay/charge", Object.keys(pay));
const begin = performance.now();
for (let index = 0; index < 1000; index++) policy.candidates(executor, target);
console.log(`prepare candidates of 50 rules: ${(performance.now() - begin).toFixed(2)} µs`);

function run(name: string, called: string, args: JsonObject): void {
  const candidates = policy.candidates(executor, tool(called, Object.keys(args)));
  const call = facts(args);
  spin(candidates, call, 200_000);
  const best = Math.min(...Array.from({ length: 5 }, () => spin(candidates, call, 200_000)));
  console.log(`${name}: ${best.toFixed(3)} µs, ${candidates.decide(call).effect}`);
}

function spin(candidates: Candidates, call: Facts, times: number): number {
  const begin = performance.now();
  for (let index = 0; index < times; index++) candidates.decide(call);
  return ((performance.now() - begin) * 1000) / times;
}
