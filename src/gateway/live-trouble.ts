/** What is wrong with a server, what to do, and what it means: from its state, for people. */

import type { LiveServer } from "../admin/contract.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import type { ListFault } from "../catalog/catalog.ts";
import type { Subject } from "../policy/model.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { UpstreamStatus } from "../upstream/upstream.ts";
import type { ServerConfig } from "./config-model.ts";
import type { Parts } from "./parts.ts";
import { faultOf } from "./server-faults.ts";

export interface TroubleFacts {
  readonly server: ServerConfig;
  readonly status: UpstreamStatus;
  readonly nowMs: number;
  /** Why the attempt before this one failed. */
  readonly lastCause: string | undefined;
  /** It is ready again, and was so for a moment only, several times. */
  readonly unsteady?: string | undefined;
  /** Why its last list failed. */
  readonly listFault: ListFault | undefined;
  readonly tools: number;
  readonly quarantined: number;
  /** Of prompts, resources and templates. */
  readonly others: number;
  /** The config's file was changed since the gateway read it. */
  configChanged(): boolean;
  /** Keys that see any of its tools. */
  keys(): number;
}

/** null: it is well, or it is meant to be as it is. That of what answers now comes first. */
export function troubleOf(facts: TroubleFacts): LiveServer["trouble"] {
  return ownTrouble(facts) ?? handoverTrouble(facts);
}

/** What a reload started does not come up: calls go on, for a while. */
export function handoverTrouble(facts: TroubleFacts): LiveServer["trouble"] {
  const { handover } = facts.status;
  if (handover === undefined || facts.status.state === "stopped") return null;
  const next: TroubleFacts = {
    ...facts,
    status: { ...facts.status, ...handover },
    lastCause: handover.cause,
    ...{ listFault: undefined, unsteady: undefined },
  };
  const trouble = ownTrouble(next);
  if (trouble === null) return null;
  const until = `${new Date(handover.untilMs).toISOString().slice(0, 19)}Z`;
  return {
    ...trouble,
    cause: `what the reload started is not up: ${trouble.cause}`,
    effect: `calls go to the one from before the reload until ${until}; then ${trouble.effect}`,
  };
}

function ownTrouble(facts: TroubleFacts): LiveServer["trouble"] {
  const { server, status } = facts;
  if (status.state === "stopped") return null;
  if (status.state === "disabled") {
    if (!server.enabled) return null;
    const fix = `authensor-gw servers enable ${server.id}`;
    const cause = printable(status.cause ?? "");
    return { code: "GW_SERVER_DISABLED", cause, fix, effect: notOffered(facts) };
  }
  const why = causeOf(facts);
  if (why === undefined) return null;
  const { code, fix } = faultOf(server, why, status.state, facts.configChanged());
  const cause = printable(why).slice(0, limits.liveTextChars);
  return { code, cause, fix, effect: effectOf(facts) };
}

function causeOf(facts: TroubleFacts): string | undefined {
  const { status, listFault, lastCause, nowMs } = facts;
  if (status.state === "starting") {
    // A server that keeps failing is not well while it is tried again.
    if (lastCause !== undefined) return lastCause;
    const late = nowMs - status.sinceMs > limits.handshakeMs;
    return late ? "it has not answered the handshake yet" : undefined;
  }
  if (["backoff", "crash-loop", "degraded"].includes(status.state)) {
    return status.cause ?? lastCause ?? "no cause is known";
  }
  return listFault?.why ?? facts.unsteady;
}

function effectOf(facts: TroubleFacts): string {
  const { server, status, tools, quarantined, others, listFault } = facts;
  const known = tools + quarantined;
  const required = server.required ? "; /ready says no" : "";
  if (listFault !== undefined && listFault.method !== "tools/list" && status.state === "ready") {
    return `${othersOf[listFault.method]} may be missing or out of date; tools are not concerned`;
  }
  if (known + others === 0) return `its tools are missing${required}`;
  const count = [
    ...(known === 0 ? [] : [known === 1 ? "1 tool" : `${known} tools`]),
    ...(others === 0 ? [] : [`${others} prompts and resources`]),
  ].join(", ");
  const whose = keysText(facts.keys());
  if (known === 0) return `${count} are missing or out of date${required}`;
  if (status.state === "degraded") return `calls of ${count} may fail, for ${whose}`;
  if (listFault !== undefined && status.state === "ready") {
    return `${count} may be out of date, for ${whose}`;
  }
  if (status.state === "ready") return `calls of ${count} fail now and then, for ${whose}`;
  return `calls of ${count} fail for ${whose}${required}`;
}

/** Those that agents saw until now are counted while that is known. */
function notOffered({ tools, keys }: TroubleFacts): string {
  if (tools === 0) return "its tools are not offered";
  const count = tools === 1 ? "1 tool is" : `${tools} tools are`;
  return `${count} not offered any more, to ${keysText(keys())}`;
}

function keysText(count: number): string {
  return count === 1 ? "1 key" : `${count} keys`;
}

const othersOf: Readonly<Record<Exclude<ListMethod, "tools/list">, string>> = {
  "prompts/list": "its prompts",
  "resources/list": "its resources",
  "resources/templates/list": "its resource templates",
};

/** Executor keys that see any tool of the server; asked only where there is trouble. */
export function keysThatSee(parts: Parts, server: string): number {
  const tools = parts.catalog.all().filter((tool) => tool.server === server);
  const policy = parts.policy.current;
  return liveExecutors(parts)
    .slice(0, keysAtMost)
    .filter((subject) =>
      tools.some(({ target, declared }) => {
        const seen = policy.candidates(subject, { kind: "tool", name: target, declared });
        return seen.visibility !== "deny";
      }),
    ).length;
}

export function liveExecutors(parts: Parts): readonly Subject[] {
  const now = Date.now();
  return parts.access
    .list()
    .filter((row) => row.revokedMs === null && (row.expiresMs === null || row.expiresMs > now))
    .filter((row) => row.roles.includes("executor"))
    .map(({ id: keyId, name: keyName, roles }) => ({ keyId, keyName, roles, claims: {} }));
}

/** More keys than this are not looked at: it is one number in a sentence. */
const keysAtMost = 200;
