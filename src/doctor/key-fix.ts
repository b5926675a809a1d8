/** What to do about keys, as commands that work: a name is free, or its key can be rotated. */

import { type ListedKey, paths } from "../admin/contract.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { Config } from "../gateway/config-model.ts";
import { listKeysOffline } from "../gateway/offline-keys.ts";
import type { GatewayState, World } from "./world.ts";

type Keys = readonly ListedKey[] | undefined;

/** What was said of the key: by the gateway, or in its history. */
export interface KeyRefusal {
  readonly code: ErrorCode;
  /** `Key "a" expired at …`. */
  readonly message: string;
  /** The gateway's own way out, where it is known. */
  readonly fix?: string;
}

/** What another key would mend. */
export const keyCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(["GW_KEY_MISSING", "GW_KEY_UNKNOWN", "GW_KEY_EXPIRED", "GW_KEY_REVOKED"] as const),
  "GW_ROLE",
]);

/** Oldest first, ended ones included; undefined: nobody can read them. */
export async function readKeys(gateway: GatewayState, config: Config | undefined): Promise<Keys> {
  if (config === undefined || gateway.kind === "silent" || gateway.kind === "closed") return;
  try {
    if (gateway.kind === "up") {
      // It lists none where it could read none.
      if (gateway.status.access.source === "none") return undefined;
      return await gateway.get<ListedKey[]>(paths.keys);
    }
    if (config.databaseProblems !== undefined || config.database.kind !== "sqlite")
      return undefined;
    return await listKeysOffline(config);
  } catch {
    return undefined; // the store has a check of its own
  }
}

/** A key for an agent that has none: `keys create … --name my-agent`, or another name if taken. */
export async function newKeyFix(world: World, wanted = "my-agent"): Promise<string> {
  return create(world, freeName(await world.keys(), wanted));
}

/** Of a key that was refused. */
export async function keyFix(world: World, refusal: KeyRefusal): Promise<string> {
  const { code, message, fix } = refusal;
  const named = /^Key "([^"]+)"/.exec(message)?.[1];
  if (named !== undefined && (code === "GW_KEY_EXPIRED" || code === "GW_KEY_REVOKED")) {
    return endedFix(world, await world.keys(), named, code);
  }
  if (isNoBearer(message)) return fix ?? noBearer;
  const made = await newKeyFix(world);
  return code === "GW_ROLE" ? `give the agent a key of its own: ${made}` : made;
}

/** The newest key of a name can be rotated until it is revoked; then its name is free. */
export function endedFix(world: World, keys: Keys, name: string, code: ErrorCode): string {
  const newest = keys?.findLast((key) => key.name === name);
  const ended = newest === undefined ? code === "GW_KEY_REVOKED" : newest.state === "revoked";
  return ended ? create(world, name, newest?.roles) : world.command(`keys rotate ${name}`);
}

/** The header lacks the word, so nobody has looked at the token. */
export function isNoBearer(message: string): boolean {
  return message.includes("header is not `Bearer");
}

const noBearer = 'write "Bearer " before the token in the agent\'s Authorization header';

/** Why the gateway takes a key for none of its own. */
export function unknownCause(message: string): string {
  return isNoBearer(message)
    ? 'the word "Bearer" and one space come before the token'
    : "it is a key of another gateway, or was not copied whole";
}

function create(world: World, name: string, roles: readonly string[] = ["executor"]): string {
  const words = roles.map((role) => `--role ${role}`).join(" ");
  return world.command(`keys create ${words} --name ${name}`);
}

/** No live key has it. */
function freeName(keys: Keys, wanted: string): string {
  const taken = new Set(keys?.filter(({ state }) => state === "live").map(({ name }) => name));
  let name = wanted;
  for (let next = 2; taken.has(name); next += 1) name = `${wanted}-${next}`;
  return name;
}
