/** Questions and answers of any content cross the eras and come back the same. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../../../src/base/json.ts";
import {
  inputRequired,
  readInputRequired,
  responsesText,
  toLegacyQuestion,
  toModernQuestion,
} from "../../../src/protocol/translate/input-required.ts";
import { outgoingParams, paramsHead } from "../../../src/protocol/translate/params.ts";
import { bytesOf, callText, joined, request, upstream } from "../kit.ts";

const plainKeys = fc.string().filter((key) => key !== "__proto__");
// Such a key is refused anywhere (P24).
const values = fc
  .jsonValue()
  .map((value): Json => JSON.parse(JSON.stringify(value)))
  .filter((value) => !JSON.stringify(value).includes("__proto__"));
const objects = fc.dictionary(plainKeys, values, { noNullPrototype: true, maxKeys: 5 });
const methods = fc.constantFrom("elicitation/create", "sampling/createMessage", "roots/list");
const questions = fc.uniqueArray(fc.record({ key: plainKeys, method: methods, params: objects }), {
  selector: ({ key }) => key,
  maxLength: 5,
});

test("what is asked of a client is what it reads, keys and state too", () => {
  fc.assert(
    fc.property(questions, fc.string(), (asked, state) => {
      const rows = asked.map(({ key, method, params }) => ({
        ...{ key, method },
        bytes: bytesOf(JSON.stringify(params)),
      }));
      const text = joined(inputRequired(rows, state));
      const read = readInputRequired(upstream(`{"jsonrpc":"2.0","id":1,"result":${text}}`));
      if (!read.ok) throw new Error(read.error);
      expect(read.value.state).toBe(JSON.stringify(state));
      expect(read.value.requests.map(({ bytes, ...one }) => [one, joined([bytes])])).toEqual(
        asked.map((one) => [one, JSON.stringify(one.params)]),
      );
    }),
  );
});

test("a question to the other era and back is the same but for its id", () => {
  fc.assert(
    fc.property(objects, fc.boolean(), (given, url) => {
      const params = { ...given, ...(url ? { mode: "url" } : {}) };
      const text = JSON.stringify(params);
      const one = { key: "k", method: "elicitation/create", params, bytes: bytesOf(text) };
      const there = bytesOf(joined(toLegacyQuestion(one, "id")));
      const back: unknown = JSON.parse(joined([toModernQuestion("elicitation/create", there)]));
      const { elicitationId: _id, ...rest } = params as Record<string, unknown>;
      expect(back).toEqual(rest);
    }),
  );
});

test("F23 answers go to the server under their keys, its state byte for byte, nothing else", () => {
  fc.assert(
    fc.property(questions, fc.string(), objects, (answers, state, args) => {
      const rows = answers.map(({ key, params }) => [key, [JSON.stringify(params)]] as const);
      const mine = '"requestState":"sealed","inputResponses":{"x":{}}';
      const body = callText(`{"name":"a",${mine},"arguments":${JSON.stringify(args)}}`);
      const message = request(body);
      const sent = joined(
        outgoingParams(message, {
          ...{ head: paramsHead("own"), args: message.body.part("arguments", "params") },
          ...{ id: 1, era: "modern", from: "modern" },
          ...{ capabilitiesText: "{}", clientInfoText: "{}" },
          again: { responses: responsesText(rows), state: JSON.stringify(state) },
        }),
      );
      const { _meta, ...rest } = JSON.parse(sent);
      const inputResponses = Object.fromEntries(answers.map(({ key, params }) => [key, params]));
      expect(rest).toEqual({ name: "own", arguments: args, inputResponses, requestState: state });
    }),
  );
});
