/**
 * Calls of which nobody knows whether they ran: the same call again is refused once, with the
 * receipt, so that no agent repeats by accident what may have run (U27).
 */

import { hash } from "node:crypto";
import { fault, type GatewayError } from "../base/errors.ts";
import { type JsonObject, sortedText } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { IntentFields, OutcomeFields } from "../receipt/model.ts";

/** What makes two calls the same. */
export interface SameCall extends Pick<IntentFields, "keyId" | "server" | "tool" | "argsHash"> {
  /** Then another spelling of the same arguments is the same too; receipts have the hash alone. */
  readonly args?: JsonObject | undefined;
}

/** Whether it was sent and nobody saw its end: what its agent was told may have run (U27). */
export function isUnsure({ outcome, code }: Pick<OutcomeFields, "outcome" | "code">): boolean {
  return outcome === "unknown" || outcome === "timeout" || unseen.has(code);
}

/** They have an outcome of another name. */
const unseen: ReadonlySet<string> = new Set(["GW_ENDED_BY_OPERATOR", "GW_RESULT_TOO_LARGE"]);

export interface Repeats {
  /** 0: nothing to look for, which is the rule. */
  readonly size: number;
  /** Resolves when what ended before the start is known; undefined: it is. */
  readonly loading: Promise<unknown> | undefined;
  /** Nobody knows whether this call ran, since `at` (wall ms, now when absent). */
  remember(call: SameCall, receipt: string, at?: number): void;
  /** Why this call is not made; the next same one is. */
  refuse(call: SameCall, target: string): GatewayError | undefined;
  /** Calls wait for this, for a moment. */
  load(loading: Promise<unknown>): void;
}

interface Unknown {
  readonly receipt: string;
  readonly at: number;
}

export function createRepeats(clock: Clock): Repeats {
  const ofKey = new Map<string, Map<string, Unknown>>();
  let size = 0;
  let loading: Promise<unknown> | undefined;

  function drop(keyId: string, calls: Map<string, Unknown>, call: string): void {
    if (calls.delete(call)) size -= 1;
    if (calls.size === 0) ofKey.delete(keyId);
  }

  /** They stand in the order of their time. */
  function dropOld(keyId: string, calls: Map<string, Unknown>): void {
    const from = clock.now() - limits.repeatMs;
    for (const [call, { at }] of calls) {
      if (at > from) return;
      drop(keyId, calls, call);
    }
  }

  function dropFirst(keyId: string, calls: Map<string, Unknown>): void {
    for (const call of calls.keys()) {
      drop(keyId, calls, call);
      return;
    }
  }

  /** Of the key that has most: it must not push out what others have. */
  function makeRoom(): void {
    for (const [keyId, calls] of ofKey) dropOld(keyId, calls);
    if (size < limits.repeatCalls) return;
    let most: readonly [string, Map<string, Unknown>] | undefined;
    for (const entry of ofKey) if (entry[1].size > (most?.[1].size ?? 0)) most = entry;
    if (most !== undefined) dropFirst(...most);
  }

  return {
    get size() {
      return size;
    },
    get loading() {
      return loading;
    },
    remember(same, receipt, at = clock.now()) {
      const call = textOf(same);
      const before = ofKey.get(same.keyId);
      if (before !== undefined) drop(same.keyId, before, call);
      if (size >= limits.repeatCalls) makeRoom();
      const calls = ofKey.get(same.keyId) ?? new Map<string, Unknown>();
      ofKey.set(same.keyId, calls);
      calls.set(call, { receipt, at });
      size += 1;
    },
    refuse(same, target) {
      const calls = ofKey.get(same.keyId);
      if (calls === undefined) return undefined;
      dropOld(same.keyId, calls);
      for (const call of [textOf({ ...same, args: undefined }), textOf(same)]) {
        const found = calls.get(call);
        if (found === undefined) continue;
        drop(same.keyId, calls, call);
        return mayHaveRun(target, found, clock.now());
      }
      return undefined;
    },
    load(known) {
      const late = new Promise<void>((resolve) => clock.after(limits.repeatLoadMs, resolve));
      const own = Promise.race([known.catch(() => undefined), late]).finally(() => {
        if (loading === own) loading = undefined;
      });
      loading = own;
    },
  };
}

function textOf({ server, tool, argsHash, args }: SameCall): string {
  const hashed = args === undefined ? argsHash : hash("sha256", sortedText(args), "hex");
  return `${server}/${tool} ${hashed}`;
}

function mayHaveRun(target: string, { receipt, at }: Unknown, now: number): GatewayError {
  const ago = Math.max(0, Math.round((now - at) / 1000));
  return fault("GW_MAY_HAVE_RUN", {
    message: `"${target}" was called with these arguments ${ago} s ago, and may have run`,
    cause: `its receipt, ${receipt}, cannot say whether it did`,
    data: { earlier: receipt },
  });
}
