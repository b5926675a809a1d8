/** An option that is a whole number. */

import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Invocation } from "./command.ts";

/** `usual` when the option is not there. Throws GW_USAGE. */
export function countOption(call: Invocation, name: string, usual: number, most: number): number {
  const text = call.options.text(name);
  if (text === undefined) return usual;
  const number = Number(text);
  if (text !== "" && Number.isInteger(number) && number >= 0 && number <= most) return number;
  const message = `--${name} "${printable(text)}" is not a number from 0 to ${most}`;
  throw fault("GW_USAGE", { message });
}
