/** Writes the ring of what happens to a running gateway: states that change, what ends badly. */

import process from "node:process";
import { catalogue } from "../base/error-codes.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { HttpRequest } from "../base/http-request.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/printable.ts";
import { receiptOf, type ShownCall } from "../call/board.ts";
import { type HistoryEntry, openHistory } from "./history.ts";
import { endedSince } from "./live-calls.ts";
import { troubleNow } from "./live-servers.ts";
import type { Parts } from "./parts.ts";

export interface HistoryWatch {
  /** An agent was refused. */
  refused(request: HttpRequest | undefined, response: Response): void;
  close(): void;
}

type Trouble = Extract<HistoryEntry, { kind: "trouble" }>;
type Told = Pick<Trouble, "link" | "code" | "what" | "why">;

/** `doctor` names itself so: what it is refused is no agent's trouble. */
export const doctorAgent = "authensor-gw-doctor";

export function watchHistory(parts: Parts): HistoryWatch {
  const { clock, board } = parts.calls;
  const history = openHistory(parts.config.dataDir, (cause) =>
    parts.log.warn("history cannot be written; doctor will not know it", { cause }),
  );
  const states = new Map<string, string>();
  const troubles = new Map<string, Trouble>();
  const mayWrite = createRation(limits.historyTroubleBurst, limits.historyGaugesMs);
  let seen = board.ended;
  let refusedBefore = board.refused.count;
  let worstLag = 0;
  let gaugesAt = clock.mono();
  let looked = 0;
  let stop = () => {};
  let closed = false;

  function state(
    entry: Omit<Extract<HistoryEntry, { kind: "state" }>, "kind" | "at" | "effect">,
    effectNow?: () => string | undefined,
  ): void {
    const key = `${entry.of} ${entry.id}`;
    const text = `${entry.state} ${entry.why}`;
    if (states.get(key) === text) return;
    states.set(key, text);
    const effect = entry.ok ? undefined : effectNow?.();
    history.add({ kind: "state", at: clock.now(), ...entry, ...(effect && { effect }) });
  }

  function trouble(told: Told, receipt = ""): void {
    const key = `${told.link} ${told.code} ${told.what}`;
    const now = clock.now();
    const first = { firstAt: now, count: 0, receipts: [] as readonly string[] };
    const before = troubles.get(key) ?? first;
    const more = receipt !== "" && before.receipts.length < limits.historyReceipts;
    const receipts = more ? [...before.receipts, receipt] : before.receipts;
    const { firstAt, count } = before;
    troubles.set(key, { kind: "trouble", ...told, at: now, firstAt, count: count + 1, receipts });
  }

  function serverStates(): void {
    // Servers that end with the gateway are no news.
    if (closed) return;
    for (const server of parts.servers.all) {
      const { upstream } = server;
      const { state: now, cause } = upstream.status();
      // Each attempt would be a line: it is in trouble until it is ready.
      if (now === "starting" || now === "idle") continue;
      const listFault = now === "ready" ? parts.catalog.listFault(upstream.id)?.why : undefined;
      const off = now === "disabled" || now === "stopped";
      const ok = off || (now === "ready" && listFault === undefined);
      const why = printable(cause ?? listFault ?? "");
      const named = ok || now !== "ready" ? now : "degraded";
      const effect = () => printable(troubleNow(parts, server)?.effect ?? "");
      state({ of: "server", id: upstream.id, state: named, ok, why }, effect);
    }
  }

  function ownStates(): void {
    const { store, broken } = parts.audit.status();
    const why = printable(store.error ?? "");
    state({ of: "store", id: "", state: store.ok ? "ok" : "away", ok: store.ok, why });
    const spool = broken === undefined ? "ok" : "broken";
    state({ of: "spool", id: "", state: spool, ok: spool === "ok", why: printable(broken ?? "") });
    const { source, error } = parts.access.status();
    const ok = error === undefined;
    state({ of: "keys", id: "", state: source, ok, why: printable(error ?? "") });
  }

  function look(due: number): void {
    const now = clock.mono();
    worstLag = Math.max(worstLag, now - due);
    looked = 0;
    for (const call of endedSince(board, seen)) {
      const told = troubleOfCall(call);
      if (told !== undefined) trouble(told, receiptOf(call));
    }
    seen = board.ended;
    const { count, keyName } = board.refused;
    if (count > refusedBefore) {
      const calls = count - refusedBefore === 1 ? "1 call" : `${count - refusedBefore} calls`;
      const why = printable(`${calls} refused, the last of key ${keyName}`);
      trouble({ link: "agent", code: "GW_KEY_BUSY", what: "", why });
      refusedBefore = count;
    }
    for (const [key, entry] of troubles) {
      // What fails every second for a day is told less often: it must leave room for the day.
      if (!mayWrite(key, now)) continue;
      history.add(entry);
      troubles.delete(key);
    }
    serverStates();
    ownStates();
    if (now - gaugesAt >= limits.historyGaugesMs || worstLag > limits.loopLagMs) {
      gaugesAt = now;
      const used: Record<string, number> = { loop_lag: Math.round(worstLag) };
      for (const gauge of parts.live?.gauges().gauges ?? []) used[gauge.name] ??= gauge.used;
      history.add({ kind: "gauges", at: clock.now(), used });
      worstLag = 0;
    }
    lookIn(limits.liveGaugesMs);
  }

  function lookIn(ms: number): void {
    const due = clock.mono() + ms;
    stop = clock.after(ms, () => look(due));
  }

  /** Bodies of refusals are looked at for their code: only so many a second (R18). */
  function refused(request: HttpRequest | undefined, response: Response): void {
    if (response.status === 404 || response.status === 405 || response.bodyUsed) return;
    if (++looked > limits.historyRefusals) return;
    if (request?.headers.get("user-agent") === doctorAgent) return;
    response
      .clone()
      .text()
      .then(
        (text) => {
          const told = troubleOfRefusal(text);
          if (told !== undefined) trouble(told);
        },
        () => undefined, // the client went away; nobody was refused
      );
  }

  history.add({ kind: "start", at: clock.now(), pid: process.pid, version: parts.version });
  for (const { upstream } of parts.servers.all) upstream.onChange(serverStates);
  parts.servers.onChange(({ added, removed }) => {
    for (const { upstream } of added) upstream.onChange(serverStates);
    for (const { id } of removed) state({ of: "server", id, state: "removed", ok: true, why: "" });
  });
  lookIn(limits.liveGaugesMs);
  return {
    refused,
    close() {
      closed = true;
      stop();
      for (const entry of troubles.values()) history.add(entry);
      history.close({ kind: "stop", at: clock.now() });
    },
  };
}

/** `burst` at once, then one in `everyMs`, for each key; times are monotonic ms. */
export function createRation(
  burst: number,
  everyMs: number,
): (key: string, now: number) => boolean {
  const kept = new Map<string, { left: number; at: number }>();
  return (key, now) => {
    const { left, at } = kept.get(key) ?? { left: burst, at: now };
    const have = Math.min(burst, left + (now - at) / everyMs);
    kept.set(key, { left: have < 1 ? have : have - 1, at: now });
    return have >= 1;
  };
}

/** Ends that are nobody's trouble: what was decided, and what the agent itself wanted. */
const quiet: ReadonlySet<string> = new Set([
  ...["", "GW_DENIED", "GW_NO_RULE", "GW_ASK", "GW_CANCELLED", "GW_DECLINED", "GW_PARAMS"],
  ...["GW_TOOL_UNKNOWN", "GW_PROMPT_UNKNOWN", "GW_RESOURCE_UNKNOWN", "GW_TASK_UNKNOWN"],
]);

/** Ends that lie with the agent: it cannot be asked, was late, or sent what is not its own. */
const agents: ReadonlySet<string> = new Set([
  ...["GW_REQUEST_STATE", "GW_UNANSWERED", "GW_ANSWER_LATE", "GW_CLIENT_CAPABILITY"],
  ...["GW_MAY_HAVE_RUN", "GW_ARGS_TOO_LARGE"],
]);

function troubleOfCall(call: ShownCall): Told | undefined {
  const { code, server, target } = call;
  if (quiet.has(code) || !isCode(code)) return undefined;
  const why = printable(`${target}: ${call.why}`);
  if (agents.has(code)) return { link: "agent", code, what: "", why };
  const link = server === "" || code.startsWith("GW_AUDIT") ? "gateway" : "server";
  return { link, code, what: server, why };
}

/** Refusals that a wrong agent gets; what strangers and scanners get is not one. */
function troubleOfRefusal(text: string): Told | undefined {
  let body: { error?: Refusal & { data?: Refusal } };
  try {
    body = JSON.parse(text);
  } catch {
    return undefined; // an answer without a code
  }
  const { error } = body;
  const code = error?.data?.code ?? error?.code;
  if (typeof code !== "string" || !isCode(code) || code.startsWith("GW_SESSION_")) return undefined;
  const own = code.startsWith("GW_AUDIT") || code === "GW_KEYS_UNAVAILABLE";
  const message = typeof error?.message === "string" ? error.message : "";
  const cause = error?.data?.cause ?? error?.cause;
  // The meaning of its code says nothing that the code does not.
  const isPlain = message.endsWith(catalogue[code].meaning) && typeof cause === "string";
  const why = printable(isPlain && cause !== "" ? cause : message);
  return { link: own ? "gateway" : "agent", code, what: "", why };
}

interface Refusal {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code);
}
