/** Upstreams for tests: real sockets and children, short to write. */

import { join } from "node:path";
import process from "node:process";
import type { JsonObject } from "../../src/base/json.ts";
import type { Log } from "../../src/base/log.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { readCapabilities } from "../../src/protocol/capabilities.ts";
import type { Pieces } from "../../src/protocol/message.ts";
import { currentRuntime } from "../../src/runtime/current.ts";
import { openUpstream } from "../../src/upstream/open.ts";
import type { ServerSettings, UpstreamOptions } from "../../src/upstream/settings.ts";
import type {
  Origin,
  ServerRequest,
  Upstream,
  UpstreamCall,
  UpstreamState,
} from "../../src/upstream/upstream.ts";

type More = Partial<ServerSettings>;

export function httpUpstream(url: string, more: More = {}): ServerSettings {
  const transport = {
    kind: "http",
    url,
    headers: {},
    ca: undefined,
    allowLinkLocal: false,
    sse: false,
  } as const;
  return { ...common, transport, ...more };
}

export function stdioUpstream(
  command: readonly string[],
  more: More = {},
  env: Record<string, string> = {},
): ServerSettings {
  return { ...common, transport: { kind: "stdio", command, cwd: undefined, env }, ...more };
}

/** asking-child.ts as a legacy server. */
export function askingChild(more: More = {}, mode = ""): ServerSettings {
  const script = join(import.meta.dir, "asking-child.ts");
  return stdioUpstream([process.execPath, script, mode], { protocol: "legacy", ...more });
}

/** What its steps told. */
export function told(answer: string) {
  return JSON.parse(JSON.parse(answer).result.content[0].text);
}

const common = {
  id: "test",
  enabled: true,
  protocol: "auto",
  maxInFlight: 256,
  maxQueued: 0,
  instance: "shared",
} as const;

/** Not started. `options` replaces ports. */
export async function testUpstream(
  config: ServerSettings,
  options: Partial<UpstreamOptions> = {},
): Promise<Upstream> {
  return openUpstream({
    config,
    runtime: await currentRuntime(),
    clock: systemClock,
    random: systemRandom,
    env: process.env as Record<string, string>,
    limits: { resultBytes: 16 * 1024 * 1024 },
    identity: { name: "authensor-gw", version: "0.0.0" },
    log: quiet,
    ...options,
  });
}

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface Outcome {
  readonly kind: "response" | "failed" | "thrown";
  /** The response's text, or the error's code. */
  readonly text: string;
  readonly why: string;
  readonly mayHaveRun: boolean;
  readonly notifications: readonly string[];
  /** Notifications that came too fast. */
  readonly crowded: number;
  /** How often the sink was told an end: 1, or 0 when nothing was sent. */
  readonly ends: number;
}

export interface Running {
  readonly end: Promise<Outcome>;
  readonly call: Promise<UpstreamCall>;
  /** Set `over` when nobody waits for it any more. */
  readonly sink: { over?: boolean };
}

export interface Caller {
  readonly origin?: Origin;
  /** What is asked in the middle of the call; refused when absent. */
  readonly asked?: (question: ServerRequest) => void;
}

/** One tools/call; `end` never rejects. */
export function startCall(
  upstream: Upstream,
  tool: string,
  args: object = {},
  { origin, asked }: Caller = {},
): Running {
  let tell: (outcome: Outcome) => void = () => undefined;
  let ends = 0;
  let crowded = 0;
  const notifications: string[] = [];
  const end = new Promise<Outcome>((resolve) => {
    // A second end within the same tick is counted too.
    tell = (outcome) => {
      ends += 1;
      setTimeout(() => resolve({ ...outcome, notifications, crowded, ends }), 5);
    };
  });
  const base = { why: "", mayHaveRun: false, notifications, crowded: 0, ends: 0 };
  const send = async () => upstream.send(...given);
  const given: Parameters<Upstream["send"]> = [
    {
      method: "tools/call",
      name: tool,
      headers: [],
      origin,
      params: (id, era) => params(tool, args, id, era),
    },
    {
      notification: (method, body) => notifications.push(`${method} ${JSON.stringify(body)}`),
      crowded() {
        crowded += 1;
      },
      request: asked ?? ((question) => question.error(-32601, "Method not found")),
      response: (body) =>
        tell({ ...base, kind: "response", text: Buffer.from(body.bytes).toString("utf8") }),
      failed: (error, mayHaveRun) =>
        tell({ ...base, kind: "failed", text: error.code, why: error.why, mayHaveRun }),
    },
  ];
  const call = send();
  call.catch((error) => {
    ends -= 1;
    tell({ ...base, kind: "thrown", text: error.code, why: error.why });
  });
  return { end, call, sink: given[1] };
}

export function callTool(
  upstream: Upstream,
  tool: string,
  args: object = {},
  caller: Caller = {},
): Promise<Outcome> {
  return startCall(upstream, tool, args, caller).end;
}

/** A client that can be asked what `capabilities` says. */
export function originOf(
  keyId: string,
  capabilities: JsonObject,
  more: Partial<Origin> = {},
): Origin {
  return {
    ...{ keyId, session: "", capabilities: readCapabilities(capabilities), logLevel: undefined },
    ...more,
  };
}

function params(tool: string, args: object, id: number, era: string): Pieces {
  const modern = '"io.modelcontextprotocol/protocolVersion":"2026-07-28",';
  const capabilities = '"io.modelcontextprotocol/clientCapabilities":{},';
  const meta = `${era === "modern" ? modern + capabilities : ""}"progressToken":${id}`;
  return [
    `{"name":"${tool}","arguments":`,
    Buffer.from(JSON.stringify(args)),
    `,"_meta":{${meta}}}`,
  ];
}

export async function untilState(
  upstream: Upstream,
  state: UpstreamState,
  withinMs = 10_000,
): Promise<void> {
  await until(() => upstream.status().state === state, withinMs);
}

export async function until(holds: () => boolean, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not so within ${withinMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
