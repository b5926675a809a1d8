/** The further processes or sessions of one server: which there are, and which must go. */

import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { ListMethod } from "../protocol/lists.ts";
import type { Transport } from "./attempts.ts";
import { createConditional } from "./conditional.ts";
import { type Instance, isForgotten, openInstance } from "./instance.ts";
import type { Load } from "./load.ts";
import type { Offer, UpstreamOptions } from "./settings.ts";
import { type Supervised, supervise } from "./supervisor.ts";
import { nothingLost, sumOf } from "./unattributed.ts";
import type {
  InstanceStatus,
  Origin,
  RawList,
  Unattributed,
  UpstreamChange,
  UpstreamStatus,
} from "./upstream.ts";

export interface InstancePool {
  /** That of this client. Throws GW_UPSTREAM_BUSY when there are as many as may be, all in use. */
  of(origin: Origin): Instance;
  /** A client of this kind is there: what the server offers it is found out, once a kind. */
  meet(origin: Origin): void;
  /** A list of the first one, with what others are offered more. */
  merge(method: ListMethod, own: RawList): RawList;
  statuses(): readonly InstanceStatus[];
  /** What is wrong with the one that is worst; undefined when all are well. */
  ailing(): string | undefined;
  stderr(): readonly string[];
  /** With those of the instances that there are no more. */
  unattributed(): Unattributed;
  retry(): void;
  close(cause: string): Promise<void>;
}

export interface PoolOptions extends UpstreamOptions {
  /** `offer`: undefined for the first one. */
  readonly make: (offer: Offer | undefined) => Transport;
  readonly first: Supervised;
  readonly load: Load;
  readonly changed: (change: UpstreamChange) => void;
}

export function createPool(options: PoolOptions): InstancePool {
  const { config, clock } = options;
  const shared = config.instance === "shared";
  // The first one is one of them.
  const most = shared ? limits.instancesShared - 1 : limits.instancesOfKeys;
  const instances = new Map<string, Instance>();
  /** Those that no call has used yet. */
  const met = new Set<string>();
  const conditional = createConditional();
  let gone = nothingLost;
  let stopSweep: (() => void) | undefined;

  function add(key: string, origin: Origin): Instance {
    if (instances.size >= most) makeRoom();
    const { capabilities } = origin;
    const offer: Offer = { capabilities: capabilities.legacyText, shared };
    const name = nameOf(config.instance, origin);
    const instance = openInstance({
      ...{ config, clock, name, all: options.load, changed: options.changed },
      learnt: (lists) => void learn(key, offer.capabilities, lists).catch(() => undefined),
      oneAtATime: capabilities.asks && options.first.isOneStream(),
      start: (load) =>
        supervise(options, options.make(offer), load, { name, first: options.first }),
    });
    instances.set(key, instance);
    stopSweep ??= clock.after(limits.instanceSweepMs, sweep);
    return instance;
  }

  /**
   * One that offers nothing more was started for nothing, unless it has calls. Where each key has
   * its own, the one to learn from is nobody's: what a server asks at its start is for the first
   * call of its own process to answer.
   */
  async function learn(
    key: string,
    capabilities: string,
    lists: ReadonlyMap<ListMethod, RawList>,
  ): Promise<void> {
    for (const [method, theirs] of lists) {
      const own = await options.first.list(method);
      if (conditional.learn(capabilities, method, own, theirs)) {
        options.changed({ kind: "list", method });
      }
    }
    const instance = instances.get(key);
    const isSpare = met.delete(key) && instance?.isUnused() === true;
    const costs = config.transport.kind === "stdio" && !conditional.any(capabilities);
    if (isSpare && (costs || !shared)) drop(key);
  }

  function makeRoom(): void {
    let oldest: string | undefined;
    let since = Number.POSITIVE_INFINITY;
    for (const [key, instance] of instances) {
      if (!instance.isUnused() || instance.usedAt() >= since) continue;
      oldest = key;
      since = instance.usedAt();
    }
    if (oldest === undefined) throw full(config.id, config.instance, instances.size + 1);
    drop(oldest);
  }

  function drop(key: string): void {
    const instance = instances.get(key);
    if (instance === undefined) return;
    instances.delete(key);
    count(instance);
    void instance.close("it was not used").catch(() => undefined);
  }

  function count(instance: Instance): void {
    gone = sumOf([gone, instance.unattributed()]);
  }

  function sweep(): void {
    const now = clock.mono();
    for (const [key, instance] of [...instances]) if (isForgotten(instance, now)) drop(key);
    stopSweep = instances.size > 0 ? clock.after(limits.instanceSweepMs, sweep) : undefined;
  }

  return {
    of(origin) {
      const key = keyOf(config.instance, origin);
      // Whoever calls uses it: it is kept.
      met.delete(key);
      return instances.get(key) ?? add(key, origin);
    },
    meet(origin) {
      const { legacyText } = origin.capabilities;
      const key = shared ? legacyText : `to learn from ${legacyText}`;
      const isFull = instances.size >= most;
      if (isFull || instances.has(key) || conditional.knows(legacyText)) return;
      met.add(key);
      add(key, origin).begin();
    },
    merge: conditional.merge,
    statuses: () => [...instances.values()].map((instance) => instance.status()),
    ailing() {
      for (const instance of instances.values()) {
        const { name, state, cause = "" } = instance.status();
        if (bad.has(state)) return `for clients with ${name}: ${cause}`;
      }
      return undefined;
    },
    stderr: () => [...instances.values()].flatMap((instance) => instance.stderr()),
    unattributed: () => sumOf([gone, ...[...instances.values()].map((one) => one.unattributed())]),
    retry() {
      for (const instance of instances.values()) instance.retry();
    },
    async close(cause) {
      stopSweep?.();
      stopSweep = undefined;
      const all = [...instances.values()];
      instances.clear();
      for (const instance of all) count(instance);
      await Promise.all(all.map((instance) => instance.close(cause)));
    },
  };
}

const bad: ReadonlySet<UpstreamStatus["state"]> = new Set(["degraded", "backoff", "crash-loop"]);

/** Clients with the same text share one. */
function keyOf(setting: UpstreamOptions["config"]["instance"], origin: Origin): string {
  const { capabilities, keyId, session } = origin;
  if (setting === "shared") return capabilities.legacyText;
  return `${keyId} ${setting === "per-session" ? session : ""} ${capabilities.legacyText}`;
}

/** `elicitation, roots of key k_1`: for people. */
function nameOf(setting: UpstreamOptions["config"]["instance"], origin: Origin): string {
  const { capabilities, keyId, session } = origin;
  const asks = Object.keys(JSON.parse(capabilities.legacyText) as object).join(", ");
  const what = asks === "" ? "no capabilities" : asks;
  if (setting === "shared") return what;
  const of = setting === "per-session" && session !== "" ? `, session ${session.slice(0, 8)}` : "";
  return `${what} of key ${keyId}${of}`;
}

function full(server: string, setting: string, count: number) {
  const kinds = setting === "shared" ? "sets of client capabilities" : "keys or sessions";
  return fault("GW_UPSTREAM_BUSY", {
    message: `"${server}" serves as many ${kinds} at once as it may`,
    cause: `\`instance: ${setting}\` allows ${count} processes or sessions, and all are in use`,
    fix: "repeat it when calls of other clients have ended",
  });
}
