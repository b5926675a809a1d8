/** Keys: is there one for an agent, is the named one good, and does it see any tool. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ListedKey, type ListedTool, paths } from "../admin/contract.ts";
import type { ErrorCode } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { configHome } from "../gateway/config-find.ts";
import type { Config } from "../gateway/config-model.ts";
import { type Finding, finding } from "./finding.ts";
import { endedFix, newKeyFix } from "./key-fix.ts";
import { spanText } from "./times.ts";
import type { GatewayState, World } from "./world.ts";

export async function checkKeys(world: World): Promise<readonly Finding[]> {
  const { config, gateway } = world;
  if (config === undefined) return [];
  if (gateway.kind === "silent" || gateway.kind === "closed") return unread(world);
  if (config.auth === "none") {
    world.note("auth: none, so every caller on this machine is let in");
    return [];
  }
  sameUser(world, config);
  const keys = await world.keys();
  if (keys === undefined) return [...unread(world), ...noneRead(gateway)];
  // One server is looked at, and no key was named.
  if (world.server !== undefined && world.key === undefined) return [];
  const live = keys.filter((key) => key.state === "live" && key.roles.includes("executor"));
  const none = async () =>
    finding({
      link: "agent",
      code: "GW_NO_KEY",
      saw: `no live key with the role executor, of ${keys.length} in all`,
      effect: "no agent is let in",
      fix: await newKeyFix(world),
    });
  const views = gateway.kind === "up" ? await viewsOf(world, gateway, live) : [];
  const named = world.key === undefined ? [] : await namedKey(world, world.key, keys, views);
  const blind = gateway.kind === "up" ? seesNothing(world, gateway, views) : [];
  const needed = live.length === 0 ? [await none()] : [];
  return [...needed, ...named, ...ending(world, live), ...blind];
}

function unread({ key, note }: World): Finding[] {
  if (key !== undefined) note(`key "${key}" was not looked at: the list of keys cannot be read`);
  return [];
}

/** A gateway that has read no key yet lets nobody in, and can make none. */
function noneRead(gateway: GatewayState): Finding[] {
  if (gateway.kind !== "up" || gateway.status.access.source !== "none") return [];
  return [
    finding({
      link: "gateway",
      code: "GW_KEYS_UNAVAILABLE",
      saw: "no key was read since the start, and data_dir has none of an earlier start",
      cause: gateway.status.access.error ?? "the store has not answered yet",
      effect: "every agent is refused with 503, whatever its key",
      fix: "mend what is said of the database; the keys are then read by themselves, in seconds",
    }),
  ];
}

/** `--key NAME`: why an agent with it is refused; of a live one what it is, as a note. */
async function namedKey(
  world: World,
  name: string,
  keys: readonly ListedKey[],
  views: readonly View[],
): Promise<Finding[]> {
  const link = "agent";
  const found = keys.filter((key) => key.name === name || key.id === name);
  const key = found.find(({ state }) => state === "live") ?? found.at(-1);
  if (key === undefined) {
    const like = nearest(
      name,
      keys.map((one) => one.name),
    );
    const create = await newKeyFix(world, name);
    const fix = like === undefined ? create : `did you mean --key ${like}? Else: ${create}`;
    const saw = `there is no key "${name}"`;
    const cause = "no key of this gateway has this name or id, live or ended";
    const effect = "no agent can have a token of it";
    return [finding({ link, code: "GW_KEY_UNKNOWN", saw, cause, effect, fix })];
  }
  if (key.state !== "live") {
    const [code, at]: [ErrorCode, string | null] =
      key.state === "expired"
        ? ["GW_KEY_EXPIRED", key.expires_at]
        : ["GW_KEY_REVOKED", key.revoked_at];
    const saw = `key "${key.name}" is ${key.state}`;
    const fix = endedFix(world, keys, key.name, code);
    return [finding({ link, code, saw, since: at ?? "", effect: refused, fix })];
  }
  world.note(liveText(world, key, views));
  if (key.roles.includes("executor")) return [];
  const saw = `key "${key.name}" has ${key.roles.join(", ")}, and not executor`;
  const fix = await newKeyFix(world, `${key.name}-agent`);
  return [finding({ link, code: "GW_ROLE", saw, effect: "its calls get 403", fix })];
}

/** `key "a" is live: executor; it ends in 3 d, at 2026-12-01T00:00:00Z; it sees 2 of 5 tools`. */
function liveText(world: World, key: ListedKey, views: readonly View[]): string {
  const ends = key.expires_at;
  const left = ends === null ? "" : spanText(Date.parse(ends) - world.nowMs);
  const view = views.find(({ name }) => name === key.name);
  return [
    `key "${key.name}" is live: ${key.roles.join(", ")}`,
    ...(ends === null ? [] : [`it ends in ${left}, at ${ends}`]),
    ...(view === undefined ? [] : [`it sees ${view.seen.length} of ${view.offered.length} tools`]),
  ].join("; ");
}

const refused = "an agent with it gets 401";

function ending(world: World, live: readonly ListedKey[]): Finding[] {
  return live.flatMap((key) => {
    const left = key.expires_at === null ? Infinity : Date.parse(key.expires_at) - world.nowMs;
    if (left > soonMs) return [];
    return [
      finding({
        link: "agent",
        severity: "warning",
        code: "GW_KEY_EXPIRED",
        saw: `key "${key.name}" ends in ${spanText(left)}`,
        cause: "keys that were made with --expires end",
        effect: "its agent is then refused with 401",
        fix: world.command(`keys rotate ${key.name}`),
      }),
    ];
  });
}

const soonMs = 60 * 60 * 1000;

type Up = Extract<GatewayState, { kind: "up" }>;

interface View {
  /** Of the key. */
  readonly name: string;
  readonly offered: readonly ListedTool[];
  readonly seen: readonly ListedTool[];
}

async function viewsOf(
  world: World,
  gateway: Up,
  live: readonly ListedKey[],
): Promise<readonly View[]> {
  // Without a policy every key sees nothing: that is one finding, of the policy.
  if (gateway.status.policy.files.length === 0) return [];
  const asked = world.key === undefined ? live.slice(0, keysAtMost) : live.filter(isNamed(world));
  return Promise.all(
    asked.map(async ({ name }) => {
      const query = new URLSearchParams({ key: name });
      const tools = await gateway.get<ListedTool[]>(`${paths.tools}?${query}`);
      const offered = tools.filter((tool) => tool.held_back === null);
      return { name, offered, seen: offered.filter((tool) => tool.visible !== "deny") };
    }),
  );
}

/** Although there is something: the policy, or the wrong key. */
function seesNothing(world: World, gateway: Up, views: readonly View[]): Finding[] {
  const blind = views.filter(({ offered, seen }) => offered.length > 0 && seen.length === 0);
  const files = gateway.status.policy.files.join(", ");
  const told = (names: string, view: View, cause: string, whose: string) =>
    finding({
      link: "agent",
      severity: "warning",
      code: "GW_NO_TOOLS",
      saw: `${names} none of ${view.offered.length} tools`,
      cause,
      effect: `${whose} and finds an empty list`,
      fix: world.command(`tools why ${view.offered[0]?.tool ?? ""} --as ${view.name}`),
    });
  const [first] = blind;
  if (first !== undefined && blind.length > 1 && blind.length === views.length) {
    const names = blind.map(({ name }) => name).join(", ");
    const cause = `no rule of ${files} allows any key a tool of these servers`;
    return [told(`keys ${names} see`, first, cause, "each agent connects")];
  }
  return blind.map((view) => {
    const cause = `no rule of ${files} allows key "${view.name}" a tool of these servers`;
    return told(`key "${view.name}" sees`, view, cause, "its agent connects");
  });
}

const keysAtMost = 20;

function isNamed({ key }: World): (one: ListedKey) => boolean {
  return (one) => one.name === key || one.id === key;
}

/** GW_SAME_UID: a stdio server runs as the gateway's user and can read what that user can. */
function sameUser(world: World, config: Config): void {
  const stdio = config.servers.filter(({ transport }) => transport.kind === "stdio");
  const file = join(configHome(world.env), "admin.key");
  if (stdio.length === 0 || !existsSync(file)) return;
  const who = stdio.map(({ id }) => id).join(", ");
  world.note(`GW_SAME_UID: ${who} run as the gateway's user and could read ${file}`);
}
