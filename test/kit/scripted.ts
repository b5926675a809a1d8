/** A whole call path in memory: scripted servers, an audit that remembers, a clock that is set. */

import type { Identity } from "../../src/access/access.ts";
import type { Appended, Audit } from "../../src/audit/audit.ts";
import { fault } from "../../src/base/errors.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { Clock } from "../../src/base/ports.ts";
import { createSealer } from "../../src/base/seal.ts";
import { systemRandom } from "../../src/base/system.ts";
import { createBoard } from "../../src/call/board.ts";
import { createParks } from "../../src/call/bridge/parks.ts";
import { createDeadlines } from "../../src/call/deadlines.ts";
import type { CallPorts } from "../../src/call/ports.ts";
import { createRepeats } from "../../src/call/repeats.ts";
import { createResourceHub } from "../../src/call/resource-hub.ts";
import { createTasks } from "../../src/call/task-table.ts";
import type { Freshness } from "../../src/catalog/ages.ts";
import type { KeptLists } from "../../src/catalog/kept.ts";
import { openCatalog } from "../../src/catalog/open.ts";
import type { Policy } from "../../src/policy/model.ts";
import { noPolicy, readPolicy } from "../../src/policy/read.ts";
import { type CacheHints, notKept } from "../../src/protocol/cache-hints.ts";
import { type ListMethod, listShapes } from "../../src/protocol/lists.ts";
import type { Era, Pieces } from "../../src/protocol/message.ts";
import { readUpstream } from "../../src/protocol/strict-json.ts";
import type { IntentFields, OutcomeFields } from "../../src/receipt/model.ts";
import type {
  RawItem,
  ServerRequest,
  Upstream,
  UpstreamChange,
  UpstreamRequest,
  UpstreamSink,
  UpstreamState,
} from "../../src/upstream/upstream.ts";

/** Time that moves only when told. */
export interface SetClock extends Clock {
  advance(ms: number): Promise<void>;
}

export function setClock(start = 1_700_000_000_000): SetClock {
  let mono = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    now: () => start + mono,
    mono: () => mono,
    after(ms, run) {
      const timer = { at: mono + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const until = mono + ms;
      for (;;) {
        const next = [...timers].filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        mono = Math.max(mono, next.at);
        timers.delete(next);
        next.run();
        await settle();
      }
      mono = until;
      await settle();
    },
  };
}

/** Lets every promise that can resolve do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export type Script = (request: SentRequest) => void;

/** What a scripted server got, and how it answers. */
export interface SentRequest {
  readonly id: number;
  readonly method: string;
  readonly params: string;
  /** For Mcp-Name. */
  readonly name: string | undefined;
  readonly headers: UpstreamRequest["headers"];
  result(json: string): void;
  error(json: string): void;
  progress(json: string): void;
  notify(method: string, json: string): void;
  /** Progress that came too fast; undefined: something else that did. */
  crowd(progress: string | undefined): void;
  /** Asks the client; what it answered is in `answers` of the server, as JSON text. */
  ask(method: string, json: string): Asked;
  fail: UpstreamSink["failed"];
}

export interface ScriptedUpstream extends Upstream {
  readonly sent: SentRequest[];
  /** What it is asked to tell of. */
  readonly watched: Set<string>;
  readonly cancelled: string[];
  script: Script;
  setState(state: UpstreamState): void;
  setTools(tools: readonly JsonObject[]): void;
  /** Sets a list and tells of it; undefined: the server declares no such list any more. */
  setList(method: ListMethod, items: readonly JsonObject[] | undefined): void;
  /** Its next lists fail. */
  failLists(failing: boolean): void;
  updated(uri: string): void;
}

export interface Scripted {
  readonly era?: Era;
  readonly script?: Script;
  readonly prompts?: readonly JsonObject[];
  readonly resources?: readonly JsonObject[];
  readonly templates?: readonly JsonObject[];
  readonly hints?: CacheHints;
  readonly capabilities?: JsonObject;
  readonly instructions?: string;
  /** Not ready until `setState`. */
  readonly state?: UpstreamState;
}

export function scriptedUpstream(
  id: string,
  tools: readonly JsonObject[],
  options: Scripted = {},
): ScriptedUpstream {
  const era = options.era ?? "legacy";
  const listeners: ((change: UpstreamChange) => void)[] = [];
  let state: UpstreamState = options.state ?? "ready";
  let greeted = state === "ready";
  let failing = false;
  const lists = listsOf(tools, options);
  const declared = () => {
    const names = [...lists.keys()].map((method) => [listShapes[method].capability, {}]);
    return { ...Object.fromEntries(names), ...options.capabilities };
  };
  const tell = (change: UpstreamChange) => {
    for (const listener of listeners) listener(change);
  };
  let nextId = 1;
  const upstream: ScriptedUpstream = {
    id,
    sent: [],
    cancelled: [],
    script: options.script ?? ((request) => request.result('{"content":[]}')),
    status: () => ({
      ...{ state, sinceMs: 0, cause: undefined, nextAttemptMs: undefined, inFlight: 0 },
      ...{ pid: undefined, stderr: [], transport: "stdio", protocol: undefined },
    }),
    hello: () =>
      greeted
        ? {
            ...{ era, protocol: era === "modern" ? "2026-07-28" : "2025-11-25", name: id },
            ...{ version: "1", capabilities: declared(), instructions: options.instructions },
          }
        : undefined,
    async send(request, sink) {
      const mine = nextId++;
      upstream.script(record(upstream, mine, request, sink, era));
      return { era, cancel: (reason) => upstream.cancelled.push(reason) };
    },
    async list(method) {
      if (failing) throw fault("GW_UPSTREAM_ERROR", { message: `Cannot list "${method}"` });
      const items = lists.get(method) ?? [];
      const raw = items.map((value): RawItem => ({ value, text: JSON.stringify(value) }));
      return { items: raw, hints: options.hints ?? notKept };
    },
    watched: new Set(),
    async subscribe(uri) {
      if (uri.includes("refused")) throw fault("GW_UPSTREAM_ERROR", { message: "it refuses" });
      upstream.watched.add(uri);
    },
    unsubscribe: (uri) => upstream.watched.delete(uri),
    onChange: (listener) => listeners.push(listener),
    start() {},
    stop: async () => {},
    setState(next) {
      state = next;
      greeted ||= next === "ready";
      tell({ kind: "state" });
    },
    updated: (uri) => tell({ kind: "updated", uri, params: { uri } }),
    setTools: (next) => upstream.setList("tools/list", next),
    setList(method, next) {
      if (next === undefined) lists.delete(method);
      else lists.set(method, next);
      // One notification tells of both.
      const told = method === "resources/templates/list" ? "resources/list" : method;
      tell({ kind: "list", method: told });
    },
    failLists(next) {
      failing = next;
    },
  };
  return upstream;
}

function listsOf(
  tools: readonly JsonObject[],
  { prompts, resources, templates }: Scripted,
): Map<ListMethod, readonly JsonObject[]> {
  const lists = new Map<ListMethod, readonly JsonObject[]>([["tools/list", tools]]);
  if (prompts !== undefined) lists.set("prompts/list", prompts);
  if (resources !== undefined) lists.set("resources/list", resources);
  if (templates !== undefined) lists.set("resources/templates/list", templates);
  return lists;
}

function record(
  upstream: ScriptedUpstream,
  id: number,
  request: UpstreamRequest,
  sink: UpstreamSink,
  era: Era,
): SentRequest {
  const answer = (member: string) => {
    const bytes = new TextEncoder().encode(`{"jsonrpc":"2.0","id":${id},${member}}`);
    const read = readUpstream(bytes);
    if (!read.ok) throw new Error(read.error.message);
    sink.response(read.value);
  };
  const sent: SentRequest = {
    id,
    method: request.method,
    params: text(request.params(id, era)),
    name: request.name,
    headers: request.headers,
    result: (json) => answer(`"result":${json}`),
    error: (json) => answer(`"error":${json}`),
    progress: (json) => sink.notification("notifications/progress", JSON.parse(json)),
    notify: (method, json) => sink.notification(method, JSON.parse(json)),
    crowd: (json) => {
      const message = `{"jsonrpc":"2.0","method":"notifications/progress","params":${json}}`;
      sink.crowded?.(json === undefined ? undefined : new TextEncoder().encode(message));
    },
    ask: (method, json) => ask(sink, method, json),
    fail: (error, mayHaveRun) => sink.failed(error, mayHaveRun),
  };
  upstream.sent.push(sent);
  return sent;
}

/** A question of a scripted server, and what came of it. */
export interface Asked {
  readonly answers: string[];
  takeBack(reason: string): void;
}

function ask(sink: UpstreamSink, method: string, json: string): Asked {
  const answers: string[] = [];
  const asked: ServerRequest = {
    method,
    params: JSON.parse(json),
    paramsBytes: new TextEncoder().encode(json),
    result: (pieces) => answers.push(text(pieces)),
    error: (code, message) => answers.push(`${code} ${message}`),
    onCancelled: undefined,
  };
  sink.request(asked);
  return { answers, takeBack: (reason) => asked.onCancelled?.(reason) };
}

export interface World {
  readonly ports: CallPorts;
  readonly clock: SetClock;
  readonly records: Recorded[];
  setPolicy(text: string | undefined): void;
}

export type Recorded =
  | { readonly kind: "intent" | "refusal"; readonly seq: number; readonly fields: IntentFields }
  | { readonly kind: "outcome"; readonly seq: number; readonly fields: OutcomeFields };

export interface WorldOptions {
  readonly policy?: string;
  readonly naming?: "prefix" | "auto" | "bare";
  readonly timeout?: { readonly idleMs: number; readonly maxMs: number };
  readonly idempotent?: readonly string[];
  readonly maxArgs?: Readonly<Record<string, { bytes: number; setting: string }>>;
  readonly lists?: Freshness;
  readonly kept?: KeptLists;
  /** Where time begins. */
  readonly clock?: SetClock;
  warned?(message: string, fields: object): void;
  /** Holds every record back until it resolves. */
  durable?(): Promise<void> | undefined;
}

export async function world(
  upstreams: readonly Upstream[],
  options: WorldOptions = {},
): Promise<World> {
  const clock = options.clock ?? setClock();
  const records: Recorded[] = [];
  const policy = { current: policyOf(options.policy) };
  const sealer = createSealer(new Uint8Array(32), systemRandom);
  const setting = "servers.s.timeout";
  const timeout = { ...(options.timeout ?? { idleMs: 1000, maxMs: 5000 }), setting };
  const catalog = openCatalog({
    servers: upstreams.map((upstream) => ({
      ...{ upstream, timeout: () => timeout },
      idempotent: (tool: string) => options.idempotent?.includes(tool) === true,
      maxArgs: (tool: string) => options.maxArgs?.[tool],
      lists: options.lists ?? { freshnessMs: 300_000, maxStaleMs: 86_400_000 },
    })),
    naming: options.naming ?? "prefix",
    policy: () => policy.current,
    carried: everything,
    clock,
    random: systemRandom,
    startWaitMs: 2_000,
    kept: options.kept,
    sealer,
    warn: (message, fields) => options.warned?.(message, fields),
  });
  const ports: CallPorts = {
    audit: recordingAudit(records, options.durable ?? (() => undefined)),
    catalog,
    clock,
    deadlines: createDeadlines(clock),
    board: createBoard(clock),
    parks: createParks(systemRandom),
    tasks: createTasks(sealer),
    repeats: createRepeats(clock),
    resources: createResourceHub(upstreams),
    sealer,
    policy: () => policy.current,
    debug: undefined,
    isLive: () => true,
    clientInfoText: '{"name":"gw","version":"0"}',
    error(message, fields) {
      throw new Error(`${message} ${JSON.stringify(fields)}`);
    },
  };
  await settle();
  return {
    ports,
    clock,
    records,
    setPolicy(next) {
      policy.current = policyOf(next);
      catalog.policyChanged();
    },
  };
}

const everything = {
  ...{ prompts: true, resources: true, subscribe: true },
  ...{ completions: true, logging: true, tasks: true },
};

function recordingAudit(records: Recorded[], durable: () => Promise<void> | undefined): Audit {
  const append = (record: (seq: number) => Recorded): Appended => {
    const seq = records.length;
    records.push(record(seq));
    const done = durable();
    return {
      ...{ seq, id: `r-test-${seq}`, idStart: "r-test-", of: seq, durable: done },
      tells(waiter) {
        done?.then(
          () => waiter.onDisk(undefined),
          (failed: Error) => waiter.onDisk(failed),
        );
        return done !== undefined;
      },
    };
  };
  return {
    intent: (fields) => append((seq) => ({ kind: "intent", seq, fields })),
    refusal: (fields) => append((seq) => ({ kind: "refusal", seq, fields })),
    outcome: (fields) => append((seq) => ({ kind: "outcome", seq, fields })),
    admin: () => ({ seq: -1, id: "", durable: undefined }),
    status() {
      throw new Error("not part of this world");
    },
    close: async () => {},
  };
}

export function policyOf(text: string | undefined): Policy {
  if (text === undefined) return noPolicy();
  const read = readPolicy([{ name: "test.yaml", text }]);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

export const someone: Identity = {
  ...{ keyId: "k1", keyName: "agent", roles: ["executor"], claims: {}, expiresMs: null },
};

export function text(pieces: Pieces | string): string {
  if (typeof pieces === "string") return pieces;
  return pieces
    .map((piece) => (typeof piece === "string" ? piece : new TextDecoder().decode(piece)))
    .join("");
}
