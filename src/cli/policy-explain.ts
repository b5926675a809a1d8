/** `authensor-gw policy explain`: how the policy decides one call. */

import { type ListedKey, type ListedTool, paths } from "../admin/contract.ts";
import { asFault, fault } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { printable } from "../base/printable.ts";
import { readConfig } from "../gateway/config-read.ts";
import { needRoles } from "../gateway/role-words.ts";
import { explainText } from "../policy/explain.ts";
import type { Subject, Target } from "../policy/model.ts";
import type { Invocation } from "./command.ts";
import { fromGateway } from "./context.ts";
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
  const name = needTarget(tool);
  const subject = subjectOf(call);
  const policy = needPolicy(call);
  const { declared, known } = await declaredBy(call, name);
  if (known !== undefined) call.io.err(known);
  if (typeof declared === "string") {
    call.io.err(`${declared}: the given arguments are taken as declared`);
  }
  const names = typeof declared === "string" ? Object.keys(args) : declared;
  const target: Target = { kind: "tool", name, declared: new Set(names) };
  const candidates = policy.candidates(subject, target);
  const request = { method: "tools/call" };
  const facts = { args, client: {}, request, nowMs: Date.now() };
  const explanation = candidates.explain(facts);
  if (call.options.has("json")) call.io.out(JSON.stringify(explanation));
  else for (const line of explainText(explanation).split("\n")) call.io.out(printable(line));
  return explanation.decision.effect === "allow" ? 0 : 1;
}

interface Asked {
  /** What the tool's schema declares; a text says why nobody knows. */
  readonly declared: readonly string[] | string;
  /** That the gateway has no key of the name that was given. */
  readonly known?: string | undefined;
}

async function declaredBy(call: Invocation, name: string): Promise<Asked> {
  const { io, options } = call;
  const where = { path: options.text("config"), env: io.env, cwd: io.cwd };
  const read = readConfig({ ...where, lenient: true });
  if (!read.ok) return { declared: "No gateway was asked" };
  try {
    const [tools, keys] = await fromGateway(call, read.value, (client) =>
      Promise.all([
        client.get<readonly ListedTool[]>(paths.tools),
        client.get<readonly ListedKey[]>(paths.keys),
      ]),
    );
    const tool = tools.find((one) => one.tool === name && one.held_back === null);
    const declared = tool?.declared ?? absent("offers no tool", name, toolNames(tools));
    const key = keyOption(call);
    const names = keys.map((one) => one.name);
    const isKnown = key === undefined || names.includes(key);
    return { declared, known: isKnown ? undefined : absent("has no key", key, names) };
  } catch (thrown) {
    const { code, message } = asFault(thrown, "Cannot ask the gateway");
    return { declared: code === "GW_NOT_RUNNING" ? "No gateway runs" : printable(message) };
  }
}

function keyOption({ options }: Invocation): string | undefined {
  return options.text("key") ?? options.text("as");
}

function toolNames(tools: readonly ListedTool[]): readonly string[] {
  return tools.filter((one) => one.held_back === null).map((one) => one.tool);
}

/** `The gateway has no key "a" now (did you mean "b"?)`. */
function absent(what: string, name: string, names: readonly string[]): string {
  const like = nearest(name, names);
  const meant = like === undefined ? "" : ` (did you mean "${printable(like)}"?)`;
  return `The gateway ${what} "${printable(name)}" now${meant}`;
}

function subjectOf(call: Invocation): Subject {
  const roles = call.options.all("role");
  return {
    keyId: "",
    keyName: keyOption(call) ?? "",
    roles: needRoles(roles.length > 0 ? roles : ["executor"]),
    claims: {},
  };
}
