/** What a reload does to what runs: servers, calls in flight, what each key sees. */

import type { ReloadedServer, ReloadReport } from "../admin/contract-reload.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { Policy, Subject, Target } from "../policy/model.ts";
import type { ConfigDiff } from "./config-diff.ts";
import type { ServerConfig } from "./config-model.ts";
import { troubleOfNew } from "./live-servers.ts";
import { liveExecutors } from "./live-trouble.ts";
import type { Parts } from "./parts.ts";

export interface Loaded {
  readonly config: { readonly servers: readonly ServerConfig[] };
  readonly policy: Policy;
  readonly diff: ConfigDiff;
}

export function reportOf(
  parts: Parts,
  { diff, policy, config }: Loaded,
  dryRun: boolean,
): ReloadReport {
  const { hash, files, rules } = policy;
  const changed = hash !== parts.policy.current.hash;
  const isOff = (id: string) => config.servers.some((one) => one.id === id && !one.enabled);
  const servers = diff.servers.map((server): ReloadedServer => {
    const kept = server.action === "add" || server.action === "update";
    const inFlight = kept ? 0 : (parts.servers.get(server.id)?.upstream.status().inFlight ?? 0);
    return { ...server, inFlight, ...(isOff(server.id) && { disabled: true }) };
  });
  // Other files with the same rules are the same policy.
  const settings = diff.settings.filter((key) => key !== "policy" || changed);
  return {
    dryRun,
    changed: changed || servers.length > 0 || settings.length > 0,
    servers,
    settings: changed && !settings.includes("policy") ? [...settings, "policy"] : settings,
    restart: diff.restart,
    tools: toolsOf(parts, diff, policy),
    policy: { hash, files, rules: rules.length, changed },
  };
}

/** With what has not come up: asked when new servers were waited for. */
export function withNotUp(parts: Parts, report: ReloadReport): ReloadReport {
  const servers = report.servers.map((server): ReloadedServer => {
    const notUp = server.disabled === true ? undefined : notUpOf(parts, server);
    return notUp === undefined ? server : { ...server, notUp };
  });
  return { ...report, servers };
}

function notUpOf(parts: Parts, { id, action }: ReloadedServer): ReloadedServer["notUp"] {
  const server = parts.servers.get(id);
  if (server === undefined || action === "update") return undefined;
  const { handover, ...own } = server.upstream.status();
  const { state, cause = null } = handover ?? own;
  if (state === "ready" || state === "degraded") return undefined;
  const fix = troubleOfNew(parts, server)?.fix ?? null;
  const why = cause === null ? null : printable(cause).slice(0, limits.liveTextChars);
  return { state, cause: why, fix, untilMs: handover?.untilMs ?? null };
}

function toolsOf(parts: Parts, diff: ConfigDiff, policy: Policy): ReloadReport["tools"] {
  const tools = parts.catalog.all();
  const subjects = subjectsOf(parts);
  const goes = new Set(
    diff.servers.flatMap(({ id, action }) =>
      action === "remove" || action === "disable" ? [id] : [],
    ),
  );
  const before = parts.policy.current;
  if (goes.size === 0 && before.hash === policy.hash) return noTools(subjects.length);
  const most = Math.max(1, Math.floor(limits.reloadLooks / Math.max(1, tools.length)));
  const seen = seenBy(
    subjects.slice(0, most),
    tools.map(({ target, declared, server }) => ({
      target: { kind: "tool", name: target, declared },
      stays: !goes.has(server),
    })),
    before,
    policy,
  );
  return { ...seen, keys: subjects.length };
}

function noTools(keys: number): ReloadReport["tools"] {
  return { appear: 0, appearFor: 0, go: 0, goFor: 0, ofKeys: keys, keys };
}

/** How many tools appear and go, each for any key, and for how many keys any does. */
export function seenBy(
  subjects: readonly Subject[],
  tools: readonly { readonly target: Target; readonly stays: boolean }[],
  before: Pick<Policy, "candidates">,
  after: Pick<Policy, "candidates">,
): Omit<ReloadReport["tools"], "keys"> {
  const appear = new Set<string>();
  const go = new Set<string>();
  let [appearFor, goFor] = [0, 0];
  for (const subject of subjects) {
    let [more, less] = [false, false];
    for (const { target, stays } of tools) {
      const was = before.candidates(subject, target).visibility !== "deny";
      const is = stays && after.candidates(subject, target).visibility !== "deny";
      if (was === is) continue;
      (is ? appear : go).add(target.name);
      if (is) more = true;
      else less = true;
    }
    if (more) appearFor += 1;
    if (less) goFor += 1;
  }
  return { appear: appear.size, appearFor, go: go.size, goFor, ofKeys: subjects.length };
}

function subjectsOf(parts: Parts): readonly Subject[] {
  if (parts.config.auth === "none") {
    const name = "anonymous";
    return [{ keyId: name, keyName: name, roles: ["executor"], claims: {} }];
  }
  return liveExecutors(parts);
}
