/** `--args JSON`: arguments of a tool. */

import { fault } from "../base/errors.ts";
import { isObject, type JsonObject } from "../base/json.ts";
import type { Invocation } from "./command.ts";

/** {} when the option is not there. Throws GW_USAGE with where the JSON ends to be JSON. */
export function argumentsOption(call: Invocation): JsonObject {
  const text = call.options.text("args");
  if (text === undefined) return {};
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.message : String(thrown);
    throw fault("GW_USAGE", {
      message: "--args is not JSON",
      cause,
      fix: `quote it for the shell: --args '{"path":"/srv/data"}'`,
    });
  }
  if (isObject(tree)) return tree;
  throw fault("GW_USAGE", { message: "--args is not a JSON object", fix: "write --args '{…}'" });
}
