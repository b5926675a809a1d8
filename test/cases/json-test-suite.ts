/** JSONTestSuite leaves its i_ files to the parser; the reason says what the gateway does. */

const halfPair = "refused: half of a surrogate pair, which UTF-8 cannot carry (P11)";
const overflow = "refused: no double holds it, so policy could not compare it (P5)";
const replaced = "accepted: this package holds U+FFFD in place of the bad bytes";
export const inexact = "accepted: forwarded as written, numeric rules are unknown (P5)";

export const freeFiles: Readonly<Record<string, string>> = {
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

/** Is this file, without .json, refused as the value of an argument? */
export function isRefused(name: string): boolean {
  if (name.startsWith("i_")) return freeFiles[name]?.startsWith("refused") === true;
  return name.startsWith("n_") || duplicates.includes(name);
}
