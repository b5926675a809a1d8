/** `--filter TEXT`: the grammar of docs/filter.md. */

import { fault } from "../base/errors.ts";
import { type Field, type Filter, parseFilter } from "../base/filter.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";

/**
 * undefined when the option is not there. Throws GW_USAGE and shows where it went wrong. `also`:
 * further fields that other commands have.
 */
export function filterOption(
  call: Invocation,
  fields: readonly Field[],
  also?: { readonly fields: readonly Field[]; readonly where: string },
): Filter | undefined {
  const text = call.options.text("filter");
  if (text === undefined) return undefined;
  const parsed = parseFilter(text, fields);
  if (parsed.ok) return parsed.value;
  const { message, at } = parsed.error;
  const before = printable(text.slice(0, at));
  const names = fields.map(({ name }) => name);
  const others = (also?.fields ?? []).map(({ name }) => name).filter((one) => !names.includes(one));
  const elsewhere = others.length === 0 ? "" : `; ${others.join(", ")} are for ${also?.where}`;
  throw fault("GW_USAGE", {
    message: `--filter is not understood: ${message}`,
    cause: `at "${before.slice(-20)}▸${printable(text.slice(at, at + 20))}"`,
    fix: `use ${names.join(", ")}, or words without a colon${elsewhere}`,
  });
}
