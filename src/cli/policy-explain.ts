/** `authensor-gw policy explain`: how the policy decides one call. */

import { fault } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import type { Config } from "../gateway/config-model.ts";
import { readConfig } from "../gateway/config-read.ts";
import { needRoles } from "../gateway/role-words.ts";
import { explainText } from "../policy/explain.ts";
import type { Target } from "../policy/model.ts";
import type { Invocation } from "./command.ts";
import { askedOf } from "./explain-asked.ts";
import { argumentsOption } from "./json-option.ts";
import { needPolicy } from "./policy-files.ts";
import { strictArguments } from "./strict-arguments.ts";
import { needTarget } from "./target.ts";

/** Exit 0 when the call is allowed, 1 when not. */
export async function run(call: Invocation): Promise<number> {
  const { io, options } = call;
  const tool = options.text("tool");
  if (tool === undefined) {
    const fix = "authensor-gw policy explain --tool SERVER/TOOL --args '{}' --role executor";
    throw fault("GW_USAGE", { message: '"policy explain" needs --tool', fix });
  }
  const text = await argumentsOption(call);
  const name = needTarget(tool);
  const words = options.all("role");
  const given = words.length > 0 ? needRoles(words) : undefined;
  const keyName = options.text("key") ?? options.text("as") ?? "";
  const policy = needPolicy(call);
  const config = configOf(call);
  const { args, inexact } = strictArguments(text, name, config);
  const { declared, roles = ["executor"], notes } = await askedOf(call, config, name, keyName);
  for (const note of notes) io.err(note);
  const target: Target = { kind: "tool", name, declared: new Set(declared ?? Object.keys(args)) };
  const subject = { keyId: "", keyName, roles: given ?? roles, claims: {} };
  const request = { method: "tools/call" };
  const facts = { args, inexact, client: {}, request, nowMs: Date.now() };
  const explanation = policy.candidates(subject, target).explain(facts);
  if (options.has("json")) io.out(JSON.stringify(explanation));
  else for (const line of explainText(explanation).split("\n")) io.out(printable(line));
  return explanation.decision.effect === "allow" ? 0 : 1;
}

/** undefined: there is none, or it does not load; with named policy files none is needed. */
function configOf({ io, options }: Invocation): Config | undefined {
  const where = { path: options.text("config"), env: io.env, cwd: io.cwd };
  const read = readConfig({ ...where, lenient: true });
  return read.ok ? read.value : undefined;
}
