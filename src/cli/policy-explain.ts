/** `authensor-gw policy explain`: how the policy decides one call, from its files alone. */

import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { explainText } from "../policy/explain.ts";
import type { Subject, Target } from "../policy/model.ts";
import type { Invocation } from "./command.ts";
import { argumentsOption } from "./json-option.ts";
import { needPolicy } from "./policy-files.ts";
import { needTarget } from "./target.ts";

/** Exit 0 when the call is allowed, 1 when not. */
export async function run(call: Invocation): Promise<number> {
  const tool = call.options.text("tool");
  if (tool === undefined) {
    const fix = "authensor-gw policy explain --tool SERVER/TOOL --args '{}' --role executor";
    throw fault("GW_USAGE", { message: '"policy explain" needs --tool', fix });
  }
  const args = argumentsOption(call);
  // Without the server nobody knows its schema: the arguments given count as declared.
  const target: Target = {
    kind: "tool",
    name: needTarget(tool),
    declared: new Set(Object.keys(args)),
  };
  const candidates = needPolicy(call).candidates(subjectOf(call), target);
  const request = { method: "tools/call" };
  const facts = { args, client: {}, request, nowMs: Date.now() };
  const explanation = candidates.explain(facts);
  if (call.options.has("json")) call.io.out(JSON.stringify(explanation));
  else for (const line of explainText(explanation).split("\n")) call.io.out(printable(line));
  return explanation.decision.effect === "allow" ? 0 : 1;
}

function subjectOf(call: Invocation): Subject {
  const roles = call.options.all("role");
  return {
    keyId: "",
    keyName: call.options.text("key") ?? "",
    roles: roles.length > 0 ? roles : ["executor"],
    claims: {},
  };
}
