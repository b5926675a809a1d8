import { expect, test } from "bun:test";
import { explainText } from "../../src/policy/explain.ts";
import { executor, facts, load, tool } from "./kit.ts";

const policy = load(`allow: ["pay/*"]
rules:
  - id: small
    effect: allow
    tools: [pay/charge]
    when: { any: [{ args.amount: { lte: 100 } }, { args.vip: { eq: true } }] }
    hint: "at most 100"
  - id: no-memo
    effect: deny
    tools: [pay/charge]
    when: { args.memo: { contains: "iban" } }
`);

test("every rule and condition shows with its value and reason", () => {
  const candidates = policy.candidates(executor, tool("pay/charge", ["amount", "memo"]));
  const explanation = candidates.explain(facts({ amount: 5, memo: 7 }));
  expect(
    explainText(explanation),
  ).toBe(`deny GW_DENIED: rule no-memo (p0.yaml:8), which could not be decided
  allow allow:pay/*  matches (true)  p0.yaml:1
        every argument is declared or named (other_args): true
  allow small        matches (true)  p0.yaml:3
        every argument is declared or named (other_args): true
        args.amount lte: true, is 5
        args.vip eq: unknown, missing
  deny  no-memo      matches (unknown)  p0.yaml:8
        args.memo contains: unknown, is 7, wants string, is number`);
});

test("values of the caller cannot drive a terminal", () => {
  const candidates = policy.candidates(executor, tool("pay/charge", ["memo"]));
  const text = explainText(candidates.explain(facts({ memo: "\u202Eiban\u001b[31m\u0085" })));
  for (const character of text) {
    const code = character.codePointAt(0)!;
    expect(code === 10 || (code >= 32 && code < 127)).toBe(true);
  }
});

test("no rule at all says so, once", () => {
  const explanation = policy.candidates(executor, tool("x/y", [])).explain(facts({}));
  expect(explainText(explanation)).toBe("deny GW_NO_RULE: no rule is about this call and this key");
});
