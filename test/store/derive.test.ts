import { expect, test } from "bun:test";
import fc from "fast-check";
import { intentBody, outcomeBody, refusalBody } from "../../src/receipt/encode.ts";
import { callTime, derive, endedSeq } from "../../src/store/derive.ts";
import { addCall, buildChain, intentFields, outcomeFields } from "../kit/records.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Numbers where the fixed place ends, and where JSON has other forms. */
const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, 1, 1e13, 1e14, 1e15, 99999999999999, 253402300800000, 2 ** 53, 1e21),
);

test("A10 what is read from its fixed place is what the whole body says", () => {
  fc.assert(
    fc.property(number, number, (at, of) => {
      for (const [kind, body] of [
        ["intent", bytes(intentBody(intentFields(), at))],
        ["refusal", bytes(refusalBody(intentFields(), at))],
        ["call", addCall(buildChain(), {}, {}, at).body],
      ] as const) {
        expect(callTime(kind, body)).toBe(derive(body).at_ms);
      }
      const end = bytes(outcomeBody(outcomeFields(of), at));
      expect(endedSeq(end)).toBe(derive(end).of_seq);
    }),
  );
});

test.each([
  "",
  '{"v":1,"kind":"intent","at":',
  '{"v":1,"kind":"intent","at":5',
  '{"v":1,"kind":"intent","at":,',
  '{"v":1,"kind":"intent","at": 5,"x":1}',
  '{"v":1,"kind":"outcome","at":5,"of":7',
  '{"v":1,"kind":"outcome","of":7,"at":5}',
])("A10 a body of another form is read as a whole, or not at all: %s", (text) => {
  expect(callTime("intent", bytes(text))).toBe(derive(bytes(text)).at_ms);
  expect(endedSeq(bytes(text))).toBe(derive(bytes(text)).of_seq);
});
