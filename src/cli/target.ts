/** `server/tool`, as people write a tool everywhere but towards agents. */

import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";

/** Throws GW_USAGE; `server__tool`, the agents' name, is told apart from a typing error. */
export function needTarget(text: string | undefined): string {
  const target = text ?? "";
  const slash = target.indexOf("/");
  if (slash > 0 && slash < target.length - 1) return target;
  const double = target.indexOf("__");
  const meant = double > 0 ? `${target.slice(0, double)}/${target.slice(double + 2)}` : undefined;
  throw fault("GW_USAGE", {
    message: `"${printable(target)}" is not SERVER/TOOL`,
    fix: meant === undefined ? "write SERVER/TOOL" : `did you mean ${printable(meant)}?`,
  });
}
