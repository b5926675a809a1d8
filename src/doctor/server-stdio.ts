/** A stdio server in stages: its program, its process and last words, handshake, list. */

import type { ErrorCode } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { programTrouble } from "../gateway/check-programs.ts";
import type { ServerConfig } from "../gateway/config-model.ts";
import { type Tried, tryServer } from "../gateway/try-server.ts";
import { isInside } from "./check-inside.ts";
import { type Finding, type FindingParts, finding } from "./finding.ts";
import { sinceOf } from "./periods.ts";
import { effectOf, lacksSecret } from "./server-http.ts";
import { isConfigStale, reloadFix, thenReload } from "./stale.ts";
import { handoverOf, startedWords, whileStandingIn } from "./stand-in.ts";
import type { World } from "./world.ts";

type StdioTransport = Extract<ServerConfig["transport"], { kind: "stdio" }>;

export async function checkStdioServer(
  world: World,
  server: ServerConfig,
  transport: StdioTransport,
): Promise<readonly Finding[]> {
  const { config, gateway } = world;
  if (config === undefined) return [];
  const trouble = programTrouble(config, transport, world.env["PATH"] ?? "");
  if (trouble !== undefined && isStarted(world, server, transport)) {
    const words = `its program is not found from here, and the gateway runs it: ${trouble.cause}`;
    world.note(`server ${server.id}: ${words}`);
  } else if (trouble !== undefined) {
    const again = gateway.kind === "up" ? `, then ${retryOf(world, server)}` : "";
    const correct = `correct servers.${server.id}.${trouble.key}${thenReload(world)}`;
    const fix = `${trouble.mend}${again}; or ${correct}`;
    return [of(world, server, "GW_SERVER_COMMAND", trouble.cause, { fix })];
  }
  // The gateway has one running: a second one could stand in its way.
  if (gateway.kind === "up") return told(world, server);
  if (gateway.kind !== "down" || lacksSecret(world, server.id)) return [];
  const tried = await tryServer(config, server, 2 * limits.doctorAnswerMs);
  return ofTry(world, server, tried);
}

/**
 * The gateway's own start says more than this shell, whose PATH and user may be others. A whole
 * path that was written since is of the config alone.
 */
function isStarted(world: World, server: ServerConfig, transport: StdioTransport): boolean {
  if (world.gateway.kind !== "up") return false;
  if (isConfigStale(world) && transport.command[0]?.includes("/")) return false;
  const row = world.gateway.status.servers.find(({ id }) => id === server.id);
  const codes = told(world, server).map(({ code }) => code);
  if (codes.includes("GW_SERVER_COMMAND")) return false;
  return codes.length > 0 || ["ready", "degraded", "starting"].includes(row?.state ?? "");
}

function of(
  world: World,
  server: ServerConfig,
  code: ErrorCode,
  saw: string,
  more: Partial<FindingParts>,
): Finding {
  return finding({
    link: "server",
    code,
    saw: `"${server.id}": ${saw}`,
    since: sinceOf(world, "server", server.id),
    effect: effectOf(world, server.id),
    ...whileStandingIn(world, server.id),
    ...more,
  });
}

/** From the gateway's own view of its child. */
function told(world: World, server: ServerConfig): Finding[] {
  if (world.gateway.kind !== "up") return [];
  const { status, live } = world.gateway;
  const shown = status.servers.find(({ id }) => id === server.id);
  if (shown === undefined) return [];
  const handover = handoverOf(world, server.id);
  const row = { ...shown, ...handover, cause: handover?.cause ?? shown.cause };
  const waiting = world.nowMs - row.sinceMs;
  if (row.state === "starting" && waiting > startMs) {
    const cause = lastWords(row.stderr) || "it writes no MCP to its stdout, or nothing yet";
    const saw = `its process runs for ${Math.round(waiting / 1000)} s without a handshake`;
    return [of(world, server, "GW_SERVER_HUNG", saw, { cause, fix: hungFix(world, server) })];
  }
  const known = live?.servers.find(({ id }) => id === server.id);
  const state = handover?.state ?? known?.state ?? row.state;
  // One that keeps ending is in this state as often as not: it is not well until it is ready.
  const again = state === "starting" ? known?.trouble : undefined;
  if (again) {
    const cause = [again.cause, lastWords(row.stderr)].filter(Boolean).join("; ");
    const more = { cause, fix: handFix(world, server) };
    return [of(world, server, codeOf(cause), "it is started again, as it ended", more)];
  }
  if (!["backoff", "crash-loop", "degraded"].includes(state)) return [];
  const cause = [row.cause ?? "", lastWords(row.stderr)].filter(Boolean).join("; ");
  const saw = `the gateway says: ${handover === undefined ? state : startedWords(state)}`;
  if (state === "degraded") {
    const why = known?.trouble?.cause ?? cause;
    if (isInside(known?.trouble?.code ?? "")) return [];
    return [of(world, server, "GW_SERVER_LIST", saw, { cause: why })];
  }
  // The config of now is not what the gateway has: what is above was checked with that of now.
  const fix = isConfigStale(world) ? reloadFix(world) : handFix(world, server);
  return [of(world, server, codeOf(row.cause ?? ""), saw, { cause, fix })];
}

/** npx may fetch a server first; this long is still a start. */
const startMs = 5_000;

function ofTry(world: World, server: ServerConfig, tried: Tried): Finding[] {
  if (tried.kind === "ready") return [];
  if (tried.kind === "no list") return [of(world, server, "GW_SERVER_LIST", tried.why, {})];
  const words = lastWords(tried.stderr);
  if (tried.kind === "late") {
    const saw = `no handshake within ${2 * limits.doctorAnswerMs} ms (npx may have to fetch it)`;
    const cause = words || "it writes no MCP to its stdout, or nothing yet";
    const fix = handFix(world, server);
    return [of(world, server, "GW_SERVER_HUNG", saw, { severity: "warning", cause, fix })];
  }
  const more: Partial<FindingParts> = words === "" ? {} : { cause: words };
  return [
    of(world, server, codeOf(tried.why), tried.why, { ...more, fix: handFix(world, server) }),
  ];
}

function codeOf(cause: string): ErrorCode {
  const missing = ["could not be started", "not found", "not executable"];
  if (missing.some((word) => cause.includes(word))) return "GW_SERVER_COMMAND";
  const ends = ["ended", "exit", "signal", "times within a minute", "code "];
  return ends.some((word) => cause.includes(word)) ? "GW_SERVER_EXITS" : "GW_SERVER_PROTOCOL";
}

function handFix(world: World, server: ServerConfig): string {
  const correct = `correct servers.${server.id}.command, args or env${thenReload(world)}`;
  const again = world.gateway.kind === "up" ? `, then ${retryOf(world, server)}` : "";
  return `run its command by hand and mend it${again}; or ${correct}`;
}

function hungFix(world: World, { id }: ServerConfig): string {
  const show = world.command(`servers show ${id}`);
  const restart = world.command(`servers restart ${id}`);
  return `look at its last words: ${show}; or restart it: ${restart}`;
}

function retryOf(world: World, { id }: ServerConfig): string {
  return world.command(`servers retry ${id}`);
}

function lastWords(stderr: readonly string[]): string {
  const line = stderr.findLast((one) => one.trim() !== "");
  return line === undefined ? "" : `its last words: ${line.trim().slice(0, 200)}`;
}
