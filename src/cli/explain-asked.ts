/** What `policy explain` asks the running gateway: whether there is what the call names. */

import { type GatewayStatus, type ListedKey, type ListedTool, paths } from "../admin/contract.ts";
import { asFault, fault } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { printable } from "../base/printable.ts";
import type { Config } from "../gateway/config-model.ts";
import type { Invocation } from "./command.ts";
import { fromGateway } from "./context.ts";

export interface Asked {
  /** Of the tool's schema; undefined: nobody knows, and the notes say why. */
  readonly declared: readonly string[] | undefined;
  /** Of the key that is named; undefined: nobody knows it. */
  readonly roles?: readonly string[] | undefined;
  /** For people, before the answer. */
  readonly notes: readonly string[];
}

/**
 * Of the policy in force only keys and servers can be asked about that are there: GW_NAME for
 * others. A policy file that is named may be about those that are yet to come: they get a note.
 */
export async function askedOf(
  call: Invocation,
  config: Config | undefined,
  tool: string,
  key: string,
): Promise<Asked> {
  if (config === undefined) return unasked("No gateway was asked");
  const known = await knownBy(call, config);
  if (typeof known === "string") return unasked(known);
  const { tools, keys, servers } = known;
  const server = tool.slice(0, tool.indexOf("/"));
  const missing: string[] = [];
  const need = (what: string, name: string, names: readonly string[]): void => {
    if (names.includes(name)) return;
    const message = absent(`has no ${what}`, name, names);
    missing.push(message);
    if (call.args.length > 0) return;
    const list = `\`authensor-gw ${what}s list\` shows the ${what}s`;
    const fix = `${list}; of one that is yet to come a policy FILE can be asked, named here`;
    throw fault("GW_NAME", { message, fix });
  };
  if (key !== "") need("key", key, [...keys.keys()]);
  const roles = keys.get(key);
  need("server", server, servers);
  const found = tools.find((one) => one.tool === tool && one.held_back === null);
  if (found !== undefined) return { declared: found.declared, roles, notes: missing };
  const names = tools.filter((one) => one.held_back === null).map((one) => one.tool);
  const noTool = `${absent("offers no tool", tool, names)}: ${asGiven}`;
  return { declared: undefined, roles, notes: [...missing, noTool] };
}

const asGiven = "the given arguments are taken as declared";

function unasked(why: string): Asked {
  return { declared: undefined, notes: [`${why}: ${asGiven}`] };
}

interface Known {
  readonly tools: readonly ListedTool[];
  /** Name to roles. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
  readonly servers: readonly string[];
}

/** A text says why nobody could be asked. */
async function knownBy(call: Invocation, config: Config): Promise<Known | string> {
  try {
    const [tools, keys, { servers }] = await fromGateway(call, config, (client) =>
      Promise.all([
        client.get<readonly ListedTool[]>(paths.tools),
        client.get<readonly ListedKey[]>(paths.keys),
        client.get<GatewayStatus>(paths.status),
      ]),
    );
    const good = keys.filter((one) => one.state !== "revoked");
    const roles = new Map(good.map((one) => [one.name, one.roles]));
    // What policies call every caller where no keys are asked for.
    if (config.auth === "none") roles.set("anonymous", ["executor"]);
    return { tools, keys: roles, servers: servers.map(({ id }) => id) };
  } catch (thrown) {
    const { code, message } = asFault(thrown, "Cannot ask the gateway");
    return code === "GW_NOT_RUNNING" ? "No gateway runs" : printable(message);
  }
}

/** `The gateway has no key "a" now (did you mean "b"?)`. */
function absent(what: string, name: string, names: readonly string[]): string {
  const like = nearest(name, names);
  const meant = like === undefined ? "" : ` (did you mean "${printable(like)}"?)`;
  return `The gateway ${what} "${printable(name)}" now${meant}`;
}
