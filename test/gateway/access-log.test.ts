import { expect, test } from "bun:test";
import type { Audit } from "../../src/audit/audit.ts";
import { withAccessLog } from "../../src/gateway/access-log.ts";
import type { IntentFields, OutcomeFields } from "../../src/receipt/model.ts";

const fields = { keyName: "bot", method: "tools/call", server: "files", tool: "read", code: "" };
const intent = fields as unknown as IntentFields;

function logged(run: (audit: Audit) => void): unknown[] {
  const lines: string[] = [];
  const add = () => ({ seq: 7, id: "r", durable: undefined });
  const plain = { intent: add, outcome: add, refusal: add } as unknown as Audit;
  run(withAccessLog(plain, (line) => lines.push(line)));
  return lines.map((line) => JSON.parse(line));
}

test("one line for a call when it ends, with key, tool, outcome and ms, and no arguments", () => {
  const found = logged((audit) => {
    const { seq } = audit.intent(intent);
    const outcome = { of: seq, outcome: "ok", code: "", tookMs: 1.5 };
    audit.outcome(outcome as unknown as OutcomeFields);
  });
  const line = { key: "bot", method: "tools/call", tool: "files/read", outcome: "ok", ms: 1.5 };
  expect(found).toEqual([{ time: expect.any(String), level: "info", message: "call", ...line }]);
});

test("refusals are lines too, and none is left out however many there are", () => {
  const refused = { ...intent, code: "GW_DENIED" } as IntentFields;
  const found = logged((audit) => {
    for (let n = 0; n < 500; n++) audit.refusal(refused);
  });
  expect(found).toHaveLength(500);
  expect(found[0]).toMatchObject({ outcome: "refused", code: "GW_DENIED" });
});
