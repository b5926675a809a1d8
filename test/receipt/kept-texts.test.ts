import { expect, test } from "bun:test";
import { decodeBody } from "../../src/receipt/decode.ts";
import { callRecordBody } from "../../src/receipt/encode.ts";
import type { IntentFields } from "../../src/receipt/model.ts";

const fields = (more: Partial<IntentFields>): IntentFields => ({
  ...{ keyId: "k-1", keyName: "n", session: "s", client: "c/1", era: "legacy", server: "s" },
  ...{ method: "tools/call", tool: "t", argsHash: "", argsBytes: 0, paramsHash: "" },
  ...{ policyHash: "", effect: "deny", rule: "", rules: [], definitionHash: "", code: "" },
  ...{ outcome: "denied", decideUs: 1 },
  ...more,
});
const body = (of: IntentFields) => callRecordBody({ kind: "refusal", fields: of, at: 1 });

test("R6 a name as long as a request is not kept after its record", async () => {
  const kept = Array.from({ length: 50 }, (_, n) => {
    const of = fields({ session: `s${n}`, rule: `r${n}`, tool: `${n}`.repeat(100_000) });
    body(of);
    return new WeakRef(of);
  });
  await Bun.sleep(5);
  Bun.gc(true);
  expect(kept.filter((one) => one.deref() !== undefined).length).toBeLessThan(5);
});

test("A10 kept text is only that of the same key, session and tool", () => {
  const said = (more: Partial<IntentFields>) =>
    decodeBody(new TextEncoder().encode(body(fields(more))));
  for (const more of [{ keyId: "x" }, { session: "", keyId: "s" }, { tool: "u" }, { client: "" }]) {
    for (const turn of [{}, more, {}]) {
      const expected = fields(turn);
      const read = JSON.stringify(said(turn));
      for (const part of [expected.keyId, expected.session, expected.tool, expected.client]) {
        expect(read).toContain(JSON.stringify(part));
      }
    }
  }
});
