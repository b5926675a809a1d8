/** What most commands begin with: the config, and whoever has the state. */

import { type AdminClient, adminClient } from "../admin/client.ts";
import { type ErrorCode, fault, GatewayError } from "../base/errors.ts";
import { foreignKey } from "../base/foreign-key.ts";
import type { Config } from "../gateway/config-model.ts";
import { type ConfigProblem, describeProblem } from "../gateway/config-problem.ts";
import { readConfig } from "../gateway/config-read.ts";
import { emptyCause, needReadable } from "../gateway/data-dir.ts";
import { answering, isNotRunning, isSilent, whySilent } from "./answering.ts";
import type { Invocation } from "./command.ts";
import { adminKeyFile, type FoundKey, findKey } from "./key.ts";
import type { Io } from "./print.ts";
import { counted } from "./words.ts";

/**
 * The config, or every problem on stderr and exit 78. The service's secrets may be missing here:
 * only `serve` and `check` need them (`strict`).
 */
export function needConfig(call: Invocation, strict = false): Config {
  const { io } = call;
  const where = { path: call.options.text("config"), env: io.env, cwd: io.cwd };
  const read = readConfig({ ...where, lenient: !strict });
  if (read.ok) return read.value;
  throw shown(read.error, io);
}

/** Before the store is opened: throws what needConfig excused. */
export function needDatabase(call: Invocation, config: Config): void {
  const { databaseProblems = [] } = config;
  if (databaseProblems.length > 0) throw shown(databaseProblems, call.io);
}

/** Prints all problems; the error ends the command without further words. */
export function shown(problems: readonly ConfigProblem[], io: Io): GatewayError {
  for (const problem of problems) io.err(describeProblem(problem));
  const code: ErrorCode = problems[0]?.code ?? "GW_CONFIG";
  const message = `${counted(problems.length, "problem")} in the config`;
  return fault(code, { message, data: { shown: true } });
}

/**
 * Asks the running gateway, or with none what `offline` gives from the store; says which. Only
 * "nobody is there" leads to the store: whoever may not open the socket, and who gets no answer
 * there, must not go round it.
 */
export async function fromGatewayOr<T>(
  call: Invocation,
  config: Config,
  ask: (client: AdminClient) => Promise<T>,
  offline: () => Promise<T>,
  change?: Change,
): Promise<T> {
  try {
    return await fromGateway(call, config, ask, change);
  } catch (thrown) {
    if (!isNotRunning(thrown)) throw thrown;
    needDatabase(call, config);
    needReadable(config.dataDir);
    call.io.err(`→ store ${storePlace(config)}, not running`);
    // What is asked for may lie elsewhere; a change makes the folder.
    const lacks = change === undefined ? emptyCause(config.dataDir) : undefined;
    if (lacks !== undefined) call.io.err(`note: data_dir "${config.dataDir}" ${lacks}`);
    return await offline();
  }
}

/** Only a running gateway knows. Throws GW_NOT_RUNNING when none runs, GW_SILENT when it hangs. */
export async function fromGateway<T>(
  call: Invocation,
  config: Config,
  ask: (client: AdminClient) => Promise<T>,
  change?: Change,
): Promise<T> {
  const { socket } = await answering(config, change !== undefined);
  try {
    const answer = await ask(adminClient({ socket, key: change?.token }));
    call.io.err(`→ gateway ${socket}`);
    return answer;
  } catch (thrown) {
    throw isSilent(thrown) ? await whySilent(thrown, config.dataDir) : thrown;
  }
}

/** What is asked for changes something, and this is the key for it. */
interface Change {
  readonly token: string | undefined;
}

/**
 * The same for changes: a key goes along where one is found. A key that was only lying about
 * (admin.key of another gateway) is left out where none is needed.
 */
export function changeAtGatewayOr<T>(
  call: Invocation,
  config: Config,
  ask: (client: AdminClient) => Promise<T>,
  offline: () => Promise<T>,
): Promise<T> {
  return withKey(call, config, (token) => fromGatewayOr(call, config, ask, offline, { token }));
}

/** Changes that only a running gateway can make. Throws as fromGateway does. */
export function changeAtGateway<T>(
  call: Invocation,
  config: Config,
  ask: (client: AdminClient) => Promise<T>,
): Promise<T> {
  return withKey(call, config, (token) => fromGateway(call, config, ask, { token }));
}

async function withKey<T>(
  call: Invocation,
  config: Config,
  change: (token: string | undefined) => Promise<T>,
): Promise<T> {
  const found = findKey(call);
  try {
    return await change(found?.token);
  } catch (thrown) {
    const told = withOrigin(thrown, found, call, config);
    const again = await otherKey(thrown, found, call);
    if (again === undefined) throw told;
    try {
      return await change(again.token);
    } catch (second) {
      // Nobody may do it without a key: then the one that lay about is what is wrong.
      const needed = second instanceof GatewayError && second.code === "GW_KEY_MISSING";
      throw needed ? told : second;
    }
  }
}

/** A key that is not taken: which one that was, of the places a key comes from. */
function withOrigin(
  thrown: unknown,
  found: FoundKey | undefined,
  { io }: Invocation,
  config: Config,
): unknown {
  const codes: readonly string[] = [
    "GW_KEY_UNKNOWN",
    "GW_KEY_EXPIRED",
    "GW_KEY_REVOKED",
    "GW_ROLE",
  ];
  if (!(thrown instanceof GatewayError) || !codes.includes(thrown.code)) return thrown;
  if (found === undefined) return thrown;
  if (thrown.code === "GW_KEY_UNKNOWN") {
    const from = found.from === "admin.key" ? adminKeyFile(io.env) : found.from;
    const embedded = config.database.kind === "sqlite";
    const store = `${embedded ? "data_dir" : "the database"} "${storePlace(config)}"`;
    return foreignKey(thrown, from, store);
  }
  const origin = `the token came from ${found.from}`;
  const cause = thrown.why === "" ? origin : `${thrown.why}; ${origin}`;
  const fix = "name a key with the role admin: --key-file FILE or $AUTHENSOR_GW_KEY";
  return fault(thrown.code, { message: thrown.message, cause, fix });
}

/** What to try after a refusal: without the key that was lying about, then what a person types. */
async function otherKey(
  thrown: unknown,
  found: FoundKey | undefined,
  call: Invocation,
): Promise<{ token: string | undefined } | undefined> {
  if (!(thrown instanceof GatewayError)) return undefined;
  if (thrown.code === "GW_KEY_UNKNOWN" && found?.from === "admin.key") return { token: undefined };
  if (thrown.code !== "GW_KEY_MISSING" || !call.io.interactive) return undefined;
  const { askSecret } = await import("./ask.ts");
  return { token: await askSecret("Key with the role admin: ") };
}

/** Where the store is, without password. */
export function storePlace(config: Config): string {
  if (config.database.kind === "sqlite") return config.dataDir;
  const url = new URL(config.database.url);
  return `${url.protocol}//${url.host}${url.pathname}`;
}
