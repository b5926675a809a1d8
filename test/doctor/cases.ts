/** What a fault case is, and how one is run: break, ask doctor, compare, mend as printed. */

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Finding } from "../../src/doctor/finding.ts";
import { startChild, type TestChild } from "../kit/child.ts";
import { type FaultScreen, faultScreen } from "../kit/fault-screen.ts";
import {
  type CliResult,
  type GatewayOptions,
  type Program,
  programCommand,
  startGateway,
  type TestGateway,
} from "../kit/gateway.ts";

export interface FaultCase {
  readonly name: string;
  /** The sentence of the public guide that this is. */
  readonly guide?: string;
  /** false: it cannot be broken so on this machine. */
  readonly possible?: boolean;
  readonly gateway?: Partial<GatewayOptions>;
  /** Before the gateway starts: gives what to add to its options. */
  before?(bench: Bench): Promise<Partial<GatewayOptions>>;
  /** Breaks something. */
  fault?(bench: Bench): Promise<unknown>;
  /** Arguments of `doctor`; `doctor` alone when absent. */
  args?(bench: Bench): Promise<readonly string[]> | readonly string[];
  /** Runs SQL as the database's owner, for mend: "sql". */
  owner?(sql: string): Promise<unknown>;
  readonly finds: Expected;
  /** What the TUI shows of it after the agent's call; golden in test/cases/tui/faults. */
  readonly screen?: FaultScreen;
  /** The error text that the agent has. */
  agent?(bench: Bench): Promise<string>;
  readonly agentSays?: RegExp;
  /** The fix is run as printed, in a shell or by `owner`; or what a person does with it. */
  readonly mend?: "command" | "sql" | ((bench: Bench, fix: string) => Promise<unknown>);
}

export interface Expected {
  readonly link: Finding["link"];
  readonly code: Finding["code"];
  readonly severity?: Finding["severity"];
  readonly saw?: RegExp;
  readonly since?: RegExp;
  readonly cause?: RegExp;
  readonly effect?: RegExp;
  readonly fix?: RegExp;
}

/** One case at work. */
export interface Bench {
  readonly program: Program;
  readonly gateway: TestGateway;
  /** Token of a live executor key, made at the first use. */
  token(): Promise<string>;
  /** Writes a key file, gives its path. */
  keyFile(token: string): string;
  /** Ends with the case. */
  child(command: readonly string[]): TestChild;
  later(undo: () => unknown): void;
  doctor(...args: readonly string[]): Promise<Doctor>;
}

export interface Doctor extends CliResult {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly tookMs: number;
}

export interface Ran {
  readonly finding: Finding;
  readonly tookMs: number;
  readonly agent: string | undefined;
  readonly mended: "as printed" | "by hand" | undefined;
  /** The screen, where the case names one. */
  readonly screen: string | undefined;
}

export async function runFault(one: FaultCase, program: Program): Promise<Ran> {
  const undo: (() => unknown)[] = [];
  const bench = await openBench(program, one, undo);
  try {
    await one.fault?.(bench);
    const args = (await one.args?.(bench)) ?? [];
    const found = await untilFound(bench, args, one.finds);
    const agent = await one.agent?.(bench);
    const screen = one.screen && (await faultScreen(bench.gateway.folder, one.screen));
    if (one.agentSays !== undefined && !one.agentSays.test(agent ?? "")) {
      throw new Error(`the agent's error is ${JSON.stringify(agent)}, not ${one.agentSays}`);
    }
    if (one.mend === undefined) return { ...found, agent, screen, mended: undefined };
    await mend(bench, one, found.finding.fix);
    await untilGone(bench, args, one.finds);
    return {
      ...found,
      agent,
      screen,
      mended: typeof one.mend === "string" ? "as printed" : "by hand",
    };
  } finally {
    for (const end of undo.reverse()) await end();
  }
}

export async function openBench(
  program: Program,
  one: Pick<FaultCase, "gateway" | "before">,
  undo: (() => unknown)[],
): Promise<Bench> {
  let token: Promise<string> | undefined;
  let gateway: TestGateway | undefined;
  const bench: Bench = {
    program,
    get gateway() {
      if (gateway === undefined) throw new Error("the gateway is not started yet");
      return gateway;
    },
    token: () => (token ??= bench.gateway.key("executor", "my-agent")),
    keyFile(text) {
      const path = join(bench.gateway.folder, "agent.key");
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    },
    child(command) {
      const child = startChild(command);
      undo.push(() => child.stop(2_000));
      return child;
    },
    later: (end) => void undo.push(end),
    async doctor(...args) {
      let [ran, tookMs] = [undefined as CliResult | undefined, 0];
      // What is slow is slow each time; a busy machine is not.
      for (let tries = 0; ran === undefined || (tookMs > mostMs && tries < 5); tries += 1) {
        const began = performance.now();
        ran = await bench.gateway.cli("doctor", ...args, "--json");
        tookMs = performance.now() - began;
      }
      if (ran.code !== 0 && ran.code !== 1) throw new Error(`exit ${ran.code}: ${ran.stderr}`);
      return { ...ran, ...JSON.parse(ran.stdout), tookMs };
    },
  };
  const more = (await one.before?.(bench)) ?? {};
  const config = { ...objectOf(one.gateway?.config), ...objectOf(more.config) };
  const policy = 'id: p\nallow: ["*"]\n';
  gateway = await startGateway({ program, policy, ...one.gateway, ...more, config });
  undo.unshift(() => gateway?.[Symbol.asyncDispose]());
  // /health opens a moment before the start is over.
  const fails = one.gateway?.expectFailure === true || more.expectFailure === true;
  if (!fails) await gateway.child().says(/gateway is up/);
  return bench;
}

function objectOf(config: GatewayOptions["config"] | undefined): Readonly<Record<string, unknown>> {
  if (typeof config === "string") throw new Error("a case gives its config as an object");
  return config ?? {};
}

/** Of one doctor. */
const mostMs = 5_000;
/** For what has to happen first, on a busy machine. */
const waitMs = 15_000;

async function untilFound(bench: Bench, args: readonly string[], wanted: Expected) {
  let seen: readonly Finding[] = [];
  for (const end = performance.now() + waitMs; performance.now() < end; await Bun.sleep(250)) {
    const report = await bench.doctor(...args);
    if (report.tookMs > mostMs) throw new Error(`doctor took ${Math.round(report.tookMs)} ms`);
    const finding = report.findings.find((one) => fits(one, wanted));
    const isInfo = (wanted.severity ?? "error") === "info";
    if (finding !== undefined && (isInfo || report.code === 1)) {
      return { finding, tookMs: report.tookMs };
    }
    seen = report.findings;
  }
  throw new Error(`not found: ${show(wanted)}; found: ${JSON.stringify(seen, null, 1)}`);
}

async function untilGone(bench: Bench, args: readonly string[], wanted: Expected): Promise<void> {
  let seen: Finding | undefined;
  for (const end = performance.now() + waitMs; performance.now() < end; await Bun.sleep(250)) {
    const { findings } = await bench.doctor(...args);
    // What is over is still told; it is no finding of now.
    const now = findings.filter(({ severity }) => severity !== "info");
    seen = now.find(({ link, code }) => link === wanted.link && code === wanted.code);
    if (seen === undefined) return;
  }
  throw new Error(`the fix did not clear ${JSON.stringify(seen)}`);
}

function fits(one: Finding, wanted: Expected): boolean {
  const texts = ["saw", "since", "cause", "effect", "fix"] as const;
  return (
    one.link === wanted.link &&
    one.code === wanted.code &&
    (wanted.severity ?? one.severity) === one.severity &&
    texts.every((name) => wanted[name]?.test(one[name]) ?? true)
  );
}

function show(wanted: Expected): string {
  return Object.entries(wanted)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

async function mend(bench: Bench, { mend: how, owner }: FaultCase, fix: string) {
  if (how === "command") await runCommand(bench, fix);
  else if (how === "sql") await owner?.(fix);
  else await how?.(bench, fix);
}

/** The printed line in a shell that has `authensor-gw` on its PATH; `serve` goes on running. */
export async function runCommand(bench: Bench, line: string): Promise<TestChild> {
  const { gateway } = bench;
  const bin = join(gateway.folder, "bin");
  mkdirSync(bin, { recursive: true });
  const command = (await programCommand(bench.program)).map((word) => `'${word}'`).join(" ");
  writeFileSync(join(bin, "authensor-gw"), `#!/bin/sh\nexec ${command} "$@"\n`);
  chmodSync(join(bin, "authensor-gw"), 0o755);
  // The shell must become the gateway: stopping a shell around it would leave it running.
  const words = line.startsWith("authensor-gw serve") ? `exec ${line}` : line;
  const child = startChild(["sh", "-c", words], {
    cwd: gateway.folder,
    env: {
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      HOME: gateway.folder,
      AUTHENSOR_GW_KEY: gateway.adminToken,
    },
  });
  bench.later(() => child.stop(5_000));
  if (line.includes("authensor-gw serve")) {
    await child.says(/gateway is up/);
    return child;
  }
  const code = await child.ended;
  if (code !== 0) throw new Error(`the fix "${line}" ends with ${code}: ${child.stderr()}`);
  return child;
}

/** What an agent without any MCP client gets: status and body. */
export async function post(url: string, token: string, body: object = hello): Promise<string> {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify(body),
    });
    return `${answer.status} ${await answer.text()}`;
  } catch (thrown) {
    return String((thrown as { code?: unknown }).code ?? thrown);
  }
}

export const hello = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  },
};

/** A call through the front door as 2026-07-28 makes it: status and body. */
export async function call(bench: Bench, name: string, args: object = {}): Promise<string> {
  const answer = await fetch(`${bench.gateway.url}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await bench.token()}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": name,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name,
        arguments: args,
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    }),
  });
  return `${answer.status} ${await answer.text()}`;
}

/** Waits until `status` says this of a server. */
export async function untilState(bench: Bench, id: string, state: string): Promise<void> {
  for (const end = performance.now() + 10_000; performance.now() < end; await Bun.sleep(50)) {
    const { stdout } = await bench.gateway.cli("status", "--json");
    const { servers }: { servers: { id: string; state: string }[] } = JSON.parse(stdout);
    if (servers.some((one) => one.id === id && one.state === state)) return;
  }
  throw new Error(`"${id}" is not ${state}`);
}

/** Waits until the history ring holds what a pattern matches: it is written once a second. */
export async function untilNoted(bench: Bench, pattern: RegExp): Promise<void> {
  const file = join(bench.gateway.folder, "data/history/00000001.jsonl");
  for (const end = performance.now() + 5_000; performance.now() < end; await Bun.sleep(50)) {
    if (existsSync(file) && pattern.test(readFileSync(file, "utf8"))) return;
  }
  throw new Error(`the history does not say ${pattern}`);
}
