/**
 * /metrics in Prometheus' text form. Calls are counted as they end, into arrays made at the start;
 * everything else is read when somebody asks. Names are promised in docs/metrics.md.
 */

import process from "node:process";
import type { LiveGauge } from "../admin/contract.ts";
import { forOperators } from "../admin/fixes.ts";
import { decideAdmin } from "../admin/who.ts";
import type { GatewayError } from "../base/errors.ts";
import { no, ok, type Result } from "../base/result.ts";
import type { LiveCall } from "../call/board.ts";
import { outcomes } from "../receipt/decode.ts";
import { countsOf, shownAge } from "./item-counts.ts";
import { createHistogram, type Histogram, type Sample, sampleText } from "./metrics-text.ts";
import type { Parts } from "./parts.ts";
import { readiness } from "./ready.ts";

export interface CallMetrics {
  /** The last event of each call; allocates nothing. */
  ended(call: LiveCall): void;
  /** One more server. Counters of those that went stay: they never go back. */
  know(server: string): void;
  samples(): readonly Sample[];
}

interface ServerCounts {
  /** By index of `outcomes`. */
  readonly ended: Float64Array;
  readonly took: Histogram;
  readonly server: Histogram;
  dropped: number;
  /** Only calls that had to wait. */
  readonly queue: Histogram;
}

/** Names of servers come from the config, so their number is bounded; "" is no server of ours. */
export function createCallMetrics(servers: readonly string[]): CallMetrics {
  const places = new Map(outcomes.map((outcome, at) => [outcome as string, at]));
  const counts = new Map([...servers, ""].map((id) => [id, countsOfOne()]));
  const none = counts.get("")!;
  const own = createHistogram(ownBuckets);
  let malformed = 0;
  return {
    know(server) {
      if (!counts.has(server)) counts.set(server, countsOfOne());
    },
    ended(call) {
      const { outcome, arrived, sentAt, answeredAt, endedAt, queuedMs } = call;
      const place = outcome === undefined ? undefined : places.get(outcome);
      if (place === undefined) {
        malformed += 1;
        return;
      }
      const of = counts.get(call.server) ?? none;
      of.ended[place]! += 1;
      const took = endedAt - arrived;
      const away = sentAt === 0 || answeredAt === 0 ? 0 : answeredAt - sentAt;
      const atServer = away - queuedMs;
      of.took.add(took);
      own.add(took - away);
      if (sentAt !== 0) of.server.add(atServer);
      of.dropped += call.dropped;
      if (queuedMs !== 0) of.queue.add(queuedMs);
    },
    samples: () => [
      {
        name: "authensor_gw_calls_total",
        type: "counter",
        help: "Calls that ended, by server and outcome.",
        values: [...counts].flatMap(([server, { ended }]) =>
          outcomes.map((outcome, at) => [{ server, outcome }, ended[at]!] as const),
        ),
      },
      {
        name: "authensor_gw_calls_malformed_total",
        type: "counter",
        help: "tools/call requests that were no calls: they are refused without a receipt.",
        values: [[{}, malformed]],
      },
      histogramOf("authensor_gw_call_duration_seconds", "From arrival to answer.", (of) => of.took),
      histogramOf(
        "authensor_gw_server_duration_seconds",
        "The part of it that the server took.",
        (of) => of.server,
      ),
      {
        name: "authensor_gw_notes_dropped_total",
        type: "counter",
        help: "Progress and log messages that came too fast, by calls that ended.",
        values: [...counts].map(([server, { dropped }]) => [{ server }, dropped] as const),
      },
      histogramOf(
        "authensor_gw_queue_duration_seconds",
        "How long calls waited that had to wait for their turn at the server.",
        (of) => of.queue,
      ),
      {
        name: "authensor_gw_own_duration_seconds",
        type: "histogram",
        help: "The part of it that the gateway took: policy and receipts.",
        histograms: [[{}, own]],
      },
    ],
  };

  function histogramOf(name: string, help: string, of: (one: ServerCounts) => Histogram): Sample {
    const histograms = [...counts].map(([server, one]) => [{ server }, of(one)] as const);
    return { name, type: "histogram", help, histograms };
  }
}

const buckets = [
  ...[1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000],
  ...[300_000, 600_000],
];
const ownBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 1_000, 5_000];

function countsOfOne(): ServerCounts {
  return {
    ended: new Float64Array(outcomes.length),
    took: createHistogram(buckets),
    server: createHistogram(buckets),
    dropped: 0,
    queue: createHistogram(buckets),
  };
}

/**
 * For a key of a viewer and up; with `auth: none` for everybody on loopback. What an agent holds is
 * no reason to see what others do.
 */
export function metricsFor(
  parts: Parts,
  authorization: string | null,
): Result<string, GatewayError> {
  if (parts.config.auth !== "none") {
    const known = parts.access.authenticate(authorization);
    if (!known.ok) return no(forOperators(known.error, "read"));
    const may = decideAdmin("read", known.value, { hasAdminKey: true, onSocket: false });
    if (!may.ok) return no(forOperators(may.error, "read"));
  }
  return ok(metricsText(parts));
}

function metricsText(parts: Parts): string {
  const samples = [
    ...parts.callMetrics.samples(),
    ...processSamples(parts),
    ...serverSamples(parts),
  ];
  const { live } = parts;
  if (live !== undefined) samples.push(...gaugeSamples(live.gauges()));
  return samples.map(sampleText).join("");
}

function processSamples(parts: Parts): readonly Sample[] {
  const { user, system } = process.cpuUsage();
  const { keys, source } = parts.access.status();
  const level = parts.logLevel.current().level;
  return [
    gauge("authensor_gw_info", "Version and policy in force; always 1.", [
      [{ version: parts.version, policy: parts.policy.current.hash.slice(0, 12) }, 1],
    ]),
    gauge("authensor_gw_ready", "1 when /ready says so.", [[{}, readiness(parts).ready ? 1 : 0]]),
    gauge("authensor_gw_keys", "Keys that are known, by where they come from.", [
      [{ source }, keys],
    ]),
    gauge("authensor_gw_log_debug", "1 while the log level is debug.", [
      [{}, level === "debug" ? 1 : 0],
    ]),
    {
      name: "authensor_gw_key_busy_total",
      type: "counter",
      help: "Calls refused as their key had as many as it may have.",
      values: [[{}, parts.calls.board.refused.count]],
    },
    gauge("process_start_time_seconds", "Unix time of the start.", [[{}, parts.startedMs / 1000]]),
    {
      name: "process_cpu_seconds_total",
      type: "counter",
      help: "CPU time used.",
      values: [[{}, (user + system) / 1e6]],
    },
  ];
}

const states = [
  "idle",
  "starting",
  "ready",
  "degraded",
  "backoff",
  "crash-loop",
  "disabled",
  "stopped",
];

function serverSamples(parts: Parts): readonly Sample[] {
  const all = parts.servers.all.map(({ upstream }) => ({
    ...{ id: upstream.id, ...upstream.status() },
    counts: countsOf(parts.catalog, upstream.id),
    age: shownAge(parts.catalog, upstream.id),
  }));
  const shown = all.flatMap(({ id, age }) => (age === null ? [] : [{ id, age }]));
  const now = parts.calls.clock.now();
  return [
    gauge(
      "authensor_gw_server_state",
      "1 for the state that the server is in.",
      all.flatMap(({ id, state }) =>
        states.map((one) => [{ server: id, state: one }, one === state ? 1 : 0] as const),
      ),
    ),
    gauge(
      "authensor_gw_server_in_flight",
      "Calls that the server has now.",
      all.map(({ id, inFlight }) => [{ server: id }, inFlight] as const),
    ),
    gauge(
      "authensor_gw_server_queued",
      "Calls that wait for their turn at the server.",
      all.map(({ id, queued }) => [{ server: id }, queued ?? 0] as const),
    ),
    {
      name: "authensor_gw_server_dropped_total",
      type: "counter",
      help: "What the server told and asked beside its calls, too fast to be read.",
      values: all.map(({ id, dropped }) => [{ server: id }, dropped?.count ?? 0] as const),
    },
    gauge(
      "authensor_gw_server_tools",
      "Tools of the server that are offered to some key or none.",
      all.map(({ id, counts }) => [{ server: id }, counts.tools] as const),
    ),
    gauge(
      "authensor_gw_server_list_age_seconds",
      "Since the server last said what it offers; none where nothing of it is shown.",
      shown.map(({ id, age }) => [{ server: id }, (now - age.readMs) / 1000] as const),
    ),
    gauge(
      "authensor_gw_server_list_stale",
      "1 while what is shown of the server may be out of date.",
      shown.map(({ id, age }) => [{ server: id }, age.stale === null ? 0 : 1] as const),
    ),
    gauge(
      "authensor_gw_server_items",
      "Prompts, resources and templates of the server that are offered to some key or none.",
      all.flatMap(({ id, counts: { items } }) => [
        [{ server: id, kind: "prompt" }, items.prompts] as const,
        [{ server: id, kind: "resource" }, items.resources] as const,
        [{ server: id, kind: "template" }, items.templates] as const,
      ]),
    ),
  ];
}

function gaugeSamples(live: ReturnType<NonNullable<Parts["live"]>["gauges"]>): readonly Sample[] {
  const { store, spool } = live;
  const { pool } = store;
  return [
    ...live.gauges.flatMap(resourceSamples),
    gauge("authensor_gw_store_up", "1 while the store takes receipts.", [
      [{ kind: store.kind }, store.ok ? 1 : 0],
    ]),
    gauge("authensor_gw_spool_records", "Receipts that wait for the store.", [[{}, spool.records]]),
    gauge("authensor_gw_spool_oldest_seconds", "Age of the oldest of them.", [
      [{}, spool.oldestMs / 1000],
    ]),
    gauge("authensor_gw_receipts_broken", "1 while no receipt can be written: calls are refused.", [
      [{}, spool.broken === null ? 0 : 1],
    ]),
    ...(pool === null
      ? []
      : [
          gauge(
            "authensor_gw_db_connections",
            "Connections of the database pool, by what they do.",
            [
              [{ state: "busy" }, pool.busy],
              [{ state: "idle" }, pool.idle],
            ],
          ),
          gauge("authensor_gw_db_connections_limit", "Most connections of the pool.", [
            [{}, pool.max],
          ]),
          gauge("authensor_gw_db_waiting", "Queries that wait for a connection.", [
            [{}, pool.waiting],
          ]),
        ]),
  ];
}

const suffixes = { bytes: "_bytes", ms: "_seconds", count: "" } as const;

/** `memory` in bytes is `authensor_gw_memory_bytes` and `authensor_gw_memory_limit_bytes`. */
function resourceSamples({ name, used, limit, unit, at_limit }: LiveGauge): readonly Sample[] {
  const scale = unit === "ms" ? 1000 : 1;
  const suffix = suffixes[unit];
  const now = gauge(`authensor_gw_${name}${suffix}`, `In use; at the limit: ${at_limit}.`, [
    [{}, used / scale],
  ]);
  if (limit === null) return [now];
  const most = gauge(`authensor_gw_${name}_limit${suffix}`, "Its limit.", [[{}, limit / scale]]);
  return [now, most];
}

function gauge(name: string, help: string, values: Sample["values"] & {}): Sample {
  return { name, type: "gauge", help, values };
}
