/** A gateway over servers that each do one thing wrong, and how a fault looks from outside. */

import { join } from "node:path";
import process from "node:process";
import { type AdminClient, adminClient } from "../../src/admin/client.ts";
import { type GatewayStatus, type LiveSnapshot, paths } from "../../src/admin/contract.ts";
import type { ReceiptRow } from "../../src/store/store.ts";
import { faultServer } from "../kit/fault-server.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { faulty } from "../kit/http-faults.ts";
import { type RawAgent, rawAgent } from "../kit/raw-agent.ts";

export type Kind = "stdio" | "modern" | "legacy";

export interface Answer {
  /** The gateway's error code; "ok" for a server's own answer. */
  readonly code: string;
  /** The whole text of the answer. */
  readonly text: string;
}

export interface Seen extends Answer {
  readonly state: string;
  /** That, and those it was in since the call began: a busy machine asks late. */
  readonly states: readonly string[];
  readonly outcome: string;
  /** From the faulty call's end until a call is answered well. */
  readonly recoveredMs: number;
  /** How long the faulty call took. */
  readonly tookMs: number;
}

export interface FaultWorld extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly admin: AdminClient;
  agent(era: "legacy" | "modern"): RawAgent;
  state(server: string): Promise<string>;
  /** One faulty call and what came of it, then good ones until one is answered. */
  see(server: string, by?: "legacy" | "modern"): Promise<Seen>;
  call(server: string, args: object, by?: "legacy" | "modern", tool?: string): Promise<Answer>;
  /** Calls until a call is answered well; gives the ms. */
  well(server: string, tool?: string, by?: "legacy" | "modern"): Promise<number>;
}

const child = join(import.meta.dirname, "../kit/fault-child.ts");

/** The entry of a server with this fault, and how it is ended where it is ours. */
export async function faultEntry(kind: Kind, fault: string) {
  if (kind === "stdio") {
    const command = [process.execPath, child, fault];
    return { entry: { command, protocol: "legacy" }, close: () => undefined };
  }
  let session = 0;
  const server = await faultServer(faulty(fault), {
    tools: () => ["t"],
    ...(kind === "legacy" ? { session: () => `s${++session}` } : {}),
  });
  return { entry: { url: server.url, protocol: kind }, close: () => server.close() };
}

export async function faultWorld(
  servers: Readonly<Record<string, object>>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<FaultWorld> {
  const gateway = await startGateway({
    program: "bun",
    policy: 'id: p\nallow: ["*"]\n',
    config: { servers, ...more },
  });
  const socket = join(gateway.folder, "admin.sock");
  const admin = adminClient({ socket, key: gateway.adminToken });
  const token = await gateway.key("executor");
  const agents = {
    legacy: await rawAgent(gateway.url, token),
    modern: await rawAgent(gateway.url, token, { era: "modern" }),
  };
  let calls = 0;

  async function state(id: string): Promise<string> {
    const { servers: all } = await admin.get<GatewayStatus>(paths.status);
    return all.find((one) => one.id === id)?.state ?? "";
  }

  async function statesSince(id: string, since: number): Promise<string[]> {
    const { servers: all } = await admin.get<LiveSnapshot>(paths.snapshot);
    const entries = all.find((one) => one.id === id)?.history ?? [];
    return entries.flatMap(({ atMs, what }) =>
      atMs < since ? [] : (/^[a-z-]+/.exec(what)?.[0] ?? []),
    );
  }

  async function call(
    server: string,
    args: object,
    by: "legacy" | "modern" = "modern",
    tool = "t",
  ): Promise<Answer> {
    calls += 1;
    const reply = await agents[by].ask("tools/call", {
      name: `${server}__${tool}`,
      // No two calls are the same: one that may have run is not made again at once.
      arguments: { n: calls, ...args },
      _meta: { progressToken: calls },
    });
    const { result } = reply.answer ?? {};
    const text = result?.content?.map((part) => part.text).join("\n") ?? reply.text;
    const [code = "ok"] = /GW_[A-Z_]+/.exec(text) ?? [];
    return { code, text };
  }

  async function well(server: string, tool = "t", by: "legacy" | "modern" = "modern") {
    const began = performance.now();
    for (;;) {
      const { code, text } = await call(server, { well: true }, by, tool);
      if (code === "ok") return performance.now() - began;
      if (performance.now() - began > 20_000) throw new Error(`"${server}" stays away: ${text}`);
      await Bun.sleep(20);
    }
  }

  async function outcome(server: string): Promise<string> {
    const [row] = await admin.get<ReceiptRow[]>(paths.receipts, {
      tool: `${server}/t`,
      limit: "1",
    });
    return row?.outcome ?? "running";
  }

  return {
    gateway,
    admin,
    state,
    call,
    well,
    agent: (era) => agents[era],
    async see(server, by = "modern") {
      const began = performance.now();
      const since = Date.now();
      const answer = await call(server, {}, by);
      const tookMs = performance.now() - began;
      const now = await state(server);
      const states = [now, ...(await statesSince(server, since))];
      const seen = { state: now, states, outcome: await outcome(server) };
      const recoveredMs = await well(server, "t", by);
      return { ...seen, ...answer, tookMs, recoveredMs };
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}
