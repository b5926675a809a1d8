/** What happened to a server, for people: state changes and list refreshes, newest first. */

import type { LiveServer } from "../admin/contract.ts";
import { asFault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { printable } from "../base/printable.ts";
import type { Upstream, UpstreamChange, UpstreamState } from "../upstream/upstream.ts";

export interface ServerHistory {
  readonly id: string;
  readonly entries: LiveServer["history"];
  /** Attempts to connect since it was last ready. */
  readonly attempts: number;
  /** Why the last attempt failed, while it was not ready again. */
  readonly lastCause: string | undefined;
  /** Wall ms from when on it is not well; attempts between failures do not end that. */
  readonly failingSinceMs: number | undefined;
  /** It is ready, and was not for long: how often it failed of late, and how the last time. */
  readonly unsteady: string | undefined;
  /** Wall ms of the last moment it was known to be well; null: never in this run. */
  readonly goodMs: number | null;
  /** Grows with every change. */
  readonly version: number;
  /** What an operator did. */
  note(what: string): void;
  /** What a reload started is in another state, and not up. */
  waits(): void;
  /** Another process or session answers from now on: what failed before was not it. */
  taken(): void;
  /** From now on each change for the worse has what it means and what to do. */
  explain(how: Explain): void;
  /** That, of this state; undefined where all is well, or it is in another one. */
  about(state: UpstreamState): ReturnType<Explain>;
}

/** undefined: all is well. */
export type Explain = () => { readonly effect: string; readonly fix: string } | undefined;

/** The same upstream, whose changes and lists are noted; what it sends is not looked at. */
export function withHistory<U extends Upstream>(
  upstream: U,
  clock: Clock,
): { readonly upstream: U; readonly history: ServerHistory } {
  const entries: (LiveServer["history"][number] & { times: number; text: string })[] = [];
  let explain: Explain = () => undefined;
  let [attempts, version] = [0, 0];
  let goodMs: number | null = null;
  let lastCause: string | undefined;
  let linkFailedMs: number | undefined;
  /** Of the attempt that goes on. */
  let beganMs: number | undefined;
  let wasReady = false;
  let fallen: { readonly atMs: number; readonly cause: string }[] = [];
  const listFailedMs = new Map<string, number>();
  const note = (what: string, about?: ReturnType<Explain>) => {
    version += 1;
    const atMs = clock.now();
    const text = printable(what).slice(0, limits.liveTextChars);
    const last = entries[0];
    // A server that is down for hours says one thing: how often, not a list of it.
    if (last?.text === text) {
      const times = last.times + 1;
      entries[0] = { ...last, ...about, atMs, times, what: `${text} (${times} times)` };
      return;
    }
    entries.unshift({ atMs, what: text, times: 1, text, ...about });
    if (entries.length > limits.liveHistory) entries.pop();
  };
  let said: { text: string; at: number; about: ReturnType<Explain> } | undefined;
  /** Keys are counted for it: a server that changes with each call is explained once a second. */
  const about = (state: UpstreamState): ReturnType<Explain> => {
    const { handover, ...own } = upstream.status();
    const now = own.state === state ? own : handover;
    if (now?.state !== state) return undefined;
    const text = `${state} ${now.cause ?? ""}`;
    const at = clock.mono();
    if (said === undefined || said.text !== text || at - said.at >= 1_000) {
      const told = explain();
      const shown = told && { effect: printable(told.effect), fix: printable(told.fix) };
      said = { text, at, about: shown };
    }
    return said.about;
  };
  const changed = (change: UpstreamChange) => {
    if (change.kind === "list") return note(`the server says that ${change.method} changed`);
    if (change.kind !== "state") return;
    const { state, cause, protocol } = upstream.status();
    if (state === "starting") {
      attempts += 1;
      beganMs ??= clock.now();
    }
    if (state === "ready") {
      attempts = 0;
      wasReady = true;
      beganMs = undefined;
      lastCause = undefined;
      linkFailedMs = undefined;
      goodMs = clock.now();
    }
    if (state === "backoff" || state === "crash-loop") lastCause = cause;
    if (["backoff", "crash-loop", "degraded"].includes(state)) {
      // One that never answered was away from its first attempt on, not from the end of that.
      linkFailedMs ??= beganMs ?? clock.now();
      if (wasReady && state !== "degraded") fell(cause);
    }
    if (state === "disabled" || state === "stopped") forget();
    // Each attempt would be a line; `attempts` counts them.
    if (state === "starting" && attempts > 1) version += 1;
    else if (state === "ready") note(`ready, ${upstream.hello()?.era ?? ""} ${protocol ?? ""}`);
    else note(cause === undefined ? state : `${state}: ${cause}`, about(state));
  };
  const forget = () => {
    fallen = [];
    beganMs = undefined;
    lastCause = undefined;
    linkFailedMs = undefined;
    listFailedMs.clear();
  };
  const fell = (cause = "no cause is known") => {
    wasReady = false;
    const now = clock.now();
    fallen = [...fallen.filter(({ atMs }) => now - atMs < unsteadyMs), { atMs: now, cause }];
  };
  upstream.onChange(changed);
  const history: ServerHistory = {
    id: upstream.id,
    get entries() {
      return entries.map(({ times, text, ...entry }) => entry);
    },
    get attempts() {
      return attempts;
    },
    get lastCause() {
      return lastCause;
    },
    get failingSinceMs() {
      const first = Math.min(linkFailedMs ?? Infinity, ...listFailedMs.values());
      return first === Infinity ? undefined : first;
    },
    get unsteady() {
      const recent = fallen.filter(({ atMs }) => clock.now() - atMs < unsteadyMs);
      if (recent.length < unsteadyFalls) return undefined;
      return `it failed ${recent.length} times within a minute; last: ${recent.at(-1)?.cause}`;
    },
    get goodMs() {
      return goodMs;
    },
    get version() {
      return version;
    },
    note: (what) => note(what),
    waits() {
      const { state = "starting", cause } = upstream.status().handover ?? {};
      // As with the one that answers, each attempt would be a line.
      if (cause === undefined || state === "starting") version += 1;
      else note(`what the reload started is ${state}: ${cause}`, about(state));
    },
    taken() {
      attempts = 0;
      wasReady = false;
      forget();
    },
    explain(how) {
      explain = how;
    },
    about,
  };
  const list: Upstream["list"] = async (method) => {
    const began = clock.mono();
    const took = () => `${Math.round(clock.mono() - began)} ms`;
    try {
      const list = await upstream.list(method);
      note(`${method}: ${list.items.length} in ${took()}`);
      goodMs = clock.now();
      listFailedMs.delete(method);
      return list;
    } catch (thrown) {
      const { code, message, why } = asFault(thrown, `Cannot list "${upstream.id}"`);
      if (!listFailedMs.has(method)) listFailedMs.set(method, clock.now());
      note(`${method} failed after ${took()}: ${code}: ${message}${why === "" ? "" : `: ${why}`}`);
      throw thrown;
    }
  };
  return { upstream: { ...upstream, list }, history };
}

/** So often within this time: ready for a moment is not well. */
const unsteadyFalls = 3;
const unsteadyMs = 60_000;
