/**
 * What is known of the gateway: a model that the event stream changes in place, and frozen pictures
 * of it for the screens. It lives outside React and never draws: app.tsx asks for pictures, at most
 * four a second, as drawing costs more than anything else here.
 */

import type {
  ListedKey,
  ListedTool,
  LiveBatch,
  LiveCall,
  LiveGateway,
  LiveGauges,
  LiveServer,
  LiveSnapshot,
  ReceiptDetail,
} from "../src/admin/contract.ts";
import { limits } from "../src/base/limits.ts";

/** Where the data comes from: a gateway's control API, or the scripted demo. */
export interface Source {
  /** Socket path, URL, or `demo`. */
  readonly place: string;
  /** Given: the clock stands at what this says; the demo's. */
  readonly now?: () => number;
  /** Follows the stream, connects again when it breaks; the returned function ends that. */
  watch(on: Watcher): () => void;
  get<T>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

export interface Watcher {
  snapshot(snapshot: LiveSnapshot): void;
  batch(batch: LiveBatch): void;
  /** The stream broke, or could not be opened; `retryMs` from now it is tried again. */
  lost(why: string, attempt: number, retryMs: number): void;
}

export interface Link {
  readonly state: "connecting" | "live" | "lost";
  readonly place: string;
  /** Gateway's wall ms of the last news. */
  readonly heardMs: number;
  readonly why: string;
  readonly attempt: number;
  /** Wall ms (of the gateway's clock) of the next attempt. */
  readonly retryAtMs: number;
}

/** One frozen picture. A part that did not change keeps its identity. */
export interface Live {
  readonly link: Link;
  readonly gateway: LiveGateway | undefined;
  readonly servers: readonly LiveServer[];
  /** In flight; what ended badly stays for 5 s, so that somebody sees it go. */
  readonly running: readonly LiveCall[];
  /** Ended calls, newest first. */
  readonly recent: readonly LiveCall[];
  /** Ended calls seen in all; those that are no longer in `recent` were overwritten. */
  readonly ended: number;
  readonly gauges: LiveGauges | undefined;
  /** One value for each second of the last two minutes, newest last. */
  readonly history: { readonly calls: readonly number[]; readonly errors: readonly number[] };
  /** Answers to what was asked besides the stream, by question. */
  readonly answers: Answers;
}

export interface Answers {
  readonly tools: Answer<readonly ListedTool[]> | undefined;
  /** Whose view `tools` is; "" is the gateway's own. */
  readonly toolsFor: string;
  readonly keys: Answer<readonly ListedKey[]> | undefined;
  /** Receipt of the open call. */
  readonly receipt: (Answer<ReceiptDetail> & { readonly id: string }) | undefined;
}

export type Answer<T> =
  | { readonly state: "waiting" }
  | { readonly state: "here"; readonly value: T }
  | { readonly state: "failed"; readonly why: string };

/** Ended calls kept here; the gateway keeps fewer, but sends each one. */
const callsKept = limits.tuiCalls;
const lingerMs = limits.tuiLingerMs;
const historySeconds = limits.tuiHistorySeconds;

export interface Store {
  snapshot(snapshot: LiveSnapshot): void;
  batch(batch: LiveBatch): void;
  lost(why: string, attempt: number, retryMs: number): void;
  answer(answers: Partial<Answers>): void;
  /** The gateway's wall ms now. */
  now(): number;
  /** Ended calls seen, also those of no picture yet. */
  readonly ended: number;
  /** When the first of the bad ends leaves the board; undefined: there is none. */
  readonly nextLingerMs: number | undefined;
  /** Something changed since the last picture. */
  readonly dirty: boolean;
  picture(): Live;
}

/** `clock`: wall ms here. A source with a clock of its own gives its own. */
export function createStore(place: string, clock: () => number): Store {
  const calls = new Map<string, LiveCall>();
  const servers = new Map<string, LiveServer>();
  const ended: LiveCall[] = [];
  const lingering = new Map<string, number>();
  let [seen, offset, dirty] = [0, 0, true];
  let link: Link = {
    ...{ state: "connecting", place, heardMs: 0, why: "", attempt: 0, retryAtMs: 0 },
  };
  let gateway: LiveGateway | undefined;
  let gauges: LiveGauges | undefined;
  let history: Live["history"] & { readonly second: number } = { calls: [], errors: [], second: 0 };
  let answers: Answers = {
    ...{ tools: undefined, toolsFor: "", keys: undefined, receipt: undefined },
  };
  const now = () => clock() + offset;
  const parts = createParts();

  function heard(at: number): void {
    offset = at - clock();
    if (link.state !== "live") link = { ...link, state: "live", why: "", attempt: 0 };
    link = { ...link, heardMs: at };
    dirty = true;
  }

  function putCall(call: LiveCall, quiet: boolean): void {
    const before = calls.get(call.id);
    if (before?.stage === "over") return;
    parts.touch("running");
    if (call.stage !== "over") {
      calls.set(call.id, call);
      return;
    }
    calls.delete(call.id);
    if (!quiet && wentBadly(call)) lingering.set(call.id, now() + lingerMs);
    ended.push(call);
    seen += 1;
    // Cut rarely: moving 5,000 rows for each call would cost more than drawing.
    if (ended.length > callsKept + 500) ended.splice(0, ended.length - callsKept);
    parts.touch("recent");
  }

  return {
    now,
    get dirty() {
      return dirty;
    },
    get ended() {
      return seen;
    },
    get nextLingerMs() {
      return lingering.size === 0 ? undefined : Math.min(...lingering.values());
    },
    snapshot(snapshot) {
      heard(snapshot.now);
      const before = [...calls.values()];
      calls.clear();
      servers.clear();
      const known = new Set(ended.map((call) => call.id));
      if (gateway !== undefined && gateway.startedMs !== snapshot.gateway.startedMs) {
        ended.splice(0, ended.length, ...ofRunBefore([...ended, ...before]));
        seen += before.length;
        known.clear();
        parts.touch("recent");
      }
      gateway = snapshot.gateway;
      gauges = snapshot.gauges;
      for (const server of snapshot.servers) servers.set(server.id, server);
      for (const call of snapshot.calls) if (!known.has(call.id)) putCall(call, true);
      parts.touch("servers");
      parts.touch("running");
      history = remember(history, snapshot.gauges, snapshot.now);
    },
    batch(batch) {
      heard(batch.now);
      if (batch.gateway !== undefined) gateway = batch.gateway;
      for (const server of batch.servers ?? []) servers.set(server.id, server);
      for (const id of batch.gone ?? []) servers.delete(id);
      if (batch.servers !== undefined || batch.gone !== undefined) parts.touch("servers");
      for (const call of batch.calls ?? []) putCall(call, false);
      if (batch.gauges === undefined) return;
      gauges = batch.gauges;
      history = remember(history, batch.gauges, batch.now);
    },
    lost(why, attempt, retryMs) {
      link = { ...link, state: "lost", why, attempt, retryAtMs: now() + retryMs };
      dirty = true;
    },
    answer(more) {
      answers = { ...answers, ...more };
      dirty = true;
    },
    picture() {
      dirty = false;
      const at = now();
      for (const [id, until] of lingering) {
        if (until > at) continue;
        lingering.delete(id);
        parts.touch("running");
      }
      return {
        link,
        gateway,
        gauges,
        ended: seen,
        servers: parts.get("servers", () => [...servers.values()]),
        running: parts.get("running", () => [
          ...calls.values(),
          ...ended.slice(-200).filter((call) => lingering.has(call.id)),
        ]),
        recent: parts.get("recent", () => ended.slice(-callsKept).reverse()),
        history,
        answers,
      };
    },
  };
}

/**
 * Another process counts its calls from 1 again: what is known of the one before is kept under
 * other ids, for it is what a crash is looked at for. What ran then has the outcome of receipts.
 */
function ofRunBefore(calls: readonly LiveCall[]): readonly LiveCall[] {
  return calls.map((call): LiveCall => {
    const id = call.id.startsWith("before-") ? call.id : `before-${call.id}`;
    if (call.stage === "over") return { ...call, id };
    const why = "the gateway ended while the call ran";
    return { ...call, id, why, stage: "over", outcome: "unknown", deadline: null, tookMs: null };
  });
}

/** Lists of the last picture, made anew only when touched: panes compare by identity. */
function createParts() {
  const made = new Map<string, unknown>();
  return {
    touch: (name: string) => void made.delete(name),
    get<T>(name: string, make: () => readonly T[]): readonly T[] {
      if (!made.has(name)) made.set(name, make());
      return made.get(name) as readonly T[];
    },
  };
}

function wentBadly(call: LiveCall): boolean {
  const { outcome } = call;
  return outcome === "timeout" || outcome === "upstream_down" || outcome === "upstream_error";
}

function remember(
  history: Live["history"] & { readonly second: number },
  { callsPerSecond, errorsPerSecond }: LiveGauges,
  now: number,
): Live["history"] & { readonly second: number } {
  const second = Math.floor(now / 1000);
  const keep = second === history.second ? 1 : 0;
  const add = (values: readonly number[], value: number) =>
    [...values.slice(0, keep === 1 ? -1 : undefined), value].slice(-historySeconds);
  return {
    calls: add(history.calls, callsPerSecond),
    errors: add(history.errors, errorsPerSecond),
    second,
  };
}
