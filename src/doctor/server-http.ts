/** An HTTP server in stages: name, connection per address, certificate, HTTP, handshake, list. */

import type { ErrorCode } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { ServerConfig } from "../gateway/config-model.ts";
import { dialledOf, isTurnedInside } from "../gateway/server-address.ts";
import { addressFix } from "../gateway/server-faults.ts";
import { tryServer } from "../gateway/try-server.ts";
import { answerIn, askHttp } from "./ask.ts";
import {
  type Attempt,
  at,
  attemptsText,
  certificateOf,
  connectAll,
  resolveAll,
} from "./connect.ts";
import { type Finding, type FindingParts, finding } from "./finding.ts";
import { sinceOf, workedUntil } from "./periods.ts";
import { isConfigStale, reloadFix, thenReload } from "./stale.ts";
import { handoverOf, startedWords, whileStandingIn } from "./stand-in.ts";
import { sinceText } from "./times.ts";
import type { World } from "./world.ts";

type HttpTransport = Extract<ServerConfig["transport"], { kind: "http" }>;

interface Stage {
  readonly world: World;
  readonly server: ServerConfig;
  readonly transport: HttpTransport;
  readonly host: string;
  readonly port: number;
}

/**
 * The first stage that fails ends it: what comes after would only repeat it. What the gateway does
 * not dial is not dialled here either: the headers are secrets (U1, U2).
 */
export async function checkHttpServer(
  world: World,
  server: ServerConfig,
  transport: HttpTransport,
  resolve: (host: string) => Promise<readonly string[]> = resolveAll,
): Promise<readonly Finding[]> {
  const url = new URL(transport.url);
  const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const stage: Stage = { world, server, transport, host, port };
  let found: readonly string[];
  try {
    found = await resolve(host);
  } catch (thrown) {
    return [of(stage, "GW_SERVER_NAME", `"${host}" does not resolve: ${textOf(thrown)}`, {})];
  }
  const dialled = await dialledOf(host, found, transport.allowLinkLocal);
  if ("refused" in dialled) return [refused(stage, dialled.refused)];
  const inside = turnedInside(stage);
  if (inside !== undefined) return [refused(stage, inside)];
  const attempts = await connectAll(dialled.addresses, port);
  const open = attempts.find(({ reached }) => reached === "open");
  if (open === undefined) return [unreached(stage, attempts)];
  if (url.protocol === "https:") {
    const shown = await certificateStage(stage, open.address);
    if (shown.some(({ severity }) => severity === "error")) return shown;
    return [...shown, ...(await talk(stage, open.address))];
  }
  return talk(stage, open.address);
}

/** With what the history knows: since when, and until when it worked. */
function of(stage: Stage, code: ErrorCode, saw: string, more: Partial<FindingParts>): Finding {
  const { world, server } = stage;
  const since = sinceOf(world, "server", server.id) || workedUntil(world, server.id);
  return finding({
    link: "server",
    code,
    saw: `"${server.id}": ${saw}`,
    since,
    effect: effectOf(world, server.id),
    ...whileStandingIn(world, server.id),
    ...more,
  });
}

/** With the gateway's own words. */
function refused(stage: Stage, cause: string): Finding {
  const { world, server, host, port } = stage;
  const saw = `the gateway does not dial ${at(host, port)}, so nothing was sent there`;
  const fix = addressFix(`servers.${server.id}`, cause) + thenReload(world);
  return of(stage, "GW_SERVER_ROUTE", saw, { cause, fix });
}

function turnedInside({ world, server }: Stage): string | undefined {
  if (world.gateway.kind !== "up" || isConfigStale(world)) return undefined;
  const { live, status } = world.gateway;
  const causes = [
    status.servers.find(({ id }) => id === server.id)?.cause,
    live?.servers.find(({ id }) => id === server.id)?.trouble?.cause,
  ];
  return causes.find((cause) => cause !== undefined && isTurnedInside(cause));
}

/** What its state means to agents, as the gateway says it. */
export function effectOf(world: World, id: string): string {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const row = live?.servers.find((one) => one.id === id);
  if (row?.trouble) return row.trouble.effect;
  if (row === undefined || row.tools === 0) return "its tools are missing";
  return `calls of its ${row.tools} tools fail`;
}

function unreached(stage: Stage, attempts: readonly Attempt[]): Finding {
  const { port, server } = stage;
  const kinds = new Set(attempts.map(({ reached }) => reached));
  const saw = attemptsText(attempts, port);
  const key = `servers.${server.id}.url`;
  const { world } = stage;
  // The one that says most: silence of one address beside a refusal of another is the refusal's.
  if (kinds.has("refused")) {
    const fix = `start the server; or correct the port in ${key}${thenReload(world)}`;
    return of(stage, "GW_SERVER_REFUSED", saw, { fix });
  }
  if (kinds.has("silent")) return of(stage, "GW_SERVER_SILENT", saw, {});
  return of(stage, kinds.has("no route") ? "GW_SERVER_ROUTE" : "GW_SERVER_REFUSED", saw, {});
}

async function certificateStage(stage: Stage, address: string): Promise<Finding[]> {
  const { world, transport, host, port } = stage;
  const ca = transport.ca;
  try {
    const shown = await certificateOf({ address, port, name: host, ca });
    const ends = shown.endsMs;
    const names = `for ${shown.subject}, issued by ${shown.issuer}`;
    const about = `certificate of ${at(host, port)} ${names}`;
    if (ends !== undefined && ends < world.nowMs) {
      const cause = `it ended at ${new Date(ends).toISOString()}`;
      return [of(stage, "GW_TLS", about, { cause, since: sinceText(ends, world.nowMs) })];
    }
    if (shown.fault !== undefined) return [of(stage, "GW_TLS", about, causeOf(stage, shown.fault))];
    if (ends === undefined || ends > world.nowMs + limits.certificateSoonMs) return [];
    const saw = `${about} ends at ${new Date(ends).toISOString()}`;
    const effect = "its tools will then fail";
    return [of(stage, "GW_TLS_EXPIRES", saw, { severity: "warning", effect, since: "" })];
  } catch (thrown) {
    const saw = `${at(host, port)} does not shake hands in TLS: ${textOf(thrown)}`;
    const write = `write http:// in servers.${stage.server.id}.url if it speaks no TLS`;
    const fix = write + thenReload(world);
    return [of(stage, "GW_TLS", saw, { fix })];
  }
}

function causeOf({ world, server, transport, host }: Stage, fault: string): Partial<FindingParts> {
  const key = `servers.${server.id}`;
  const issuers = ["SELF_SIGNED", "UNABLE_TO", "UNTRUSTED", "self-signed", "issuer"];
  if (issuers.some((word) => fault.includes(word))) {
    const given = transport.ca === undefined ? "" : " by the CA of `tls.ca`";
    const cause = `its issuer is not known${given} (${fault})`;
    return { cause, fix: `name its CA in ${key}.tls.ca${thenReload(world)}` };
  }
  const write = `write the name it is for in ${key}.url${thenReload(world)}`;
  const fix = `renew it for ${host}; or ${write}`;
  return { cause: fault, fix };
}

/** With the gateway's own code; only where that fails, a question of our own says more. */
async function talk(stage: Stage, address: string): Promise<Finding[]> {
  const { world, server } = stage;
  const { config } = world;
  if (config === undefined) return [];
  if (lacksSecret(world, server.id)) {
    world.note(`server ${server.id}: its secrets are not set here, so nothing was sent to it`);
    return told(stage);
  }
  const tried = await tryServer(config, server, limits.doctorServerMs);
  if (tried.kind === "ready") return told(stage);
  if (tried.kind === "no list") return [of(stage, "GW_SERVER_LIST", tried.why, {})];
  if (tried.kind === "late") {
    const saw = `it takes the request and does not answer in ${limits.doctorServerMs} ms`;
    // The gateway has a session with it all the same: it is slow, and not away.
    const slow = isReady(stage) && told(stage).length === 0;
    return [of(stage, "GW_SERVER_HUNG", saw, { severity: slow ? "warning" : "error" })];
  }
  return [await classified(stage, address, tried.why)];
}

/** It answers us: what the gateway has against it all the same. */
function told(stage: Stage): Finding[] {
  const { world, server } = stage;
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const row = live?.servers.find(({ id }) => id === server.id);
  if (!row?.trouble) return [];
  const { code, cause } = row.trouble;
  // It answers with the config of now, which is not what the gateway has.
  const fix = isConfigStale(world) ? reloadFix(world) : row.trouble.fix;
  const handover = handoverOf(world, server.id);
  const { nextAttemptMs } = handover ?? row;
  const seconds = nextAttemptMs === null ? 0 : (nextAttemptMs - world.nowMs) / 1000;
  // It came back a moment ago, and the gateway tries again by itself.
  const isBack = seconds > 0 && !lacksSecret(world, server.id);
  const severity = isBack || handover !== undefined ? "warning" : "error";
  const state = handover === undefined ? row.state : startedWords(handover.state);
  const known = code === "GW_UPSTREAM_ERROR" ? "GW_UPSTREAM_ERROR" : "GW_UPSTREAM_DOWN";
  return [of(stage, known, `the gateway says: ${state}`, { cause, fix, severity })];
}

function isReady({ world, server }: Stage): boolean {
  const status = world.gateway.kind === "up" ? world.gateway.status.servers : [];
  return status.some(({ id, state }) => id === server.id && state === "ready");
}

/** A value of the config that this process does not have is not a fault of the server. */
export function lacksSecret(world: World, id: string): boolean {
  return world.problems.some(({ key = "" }) => key.startsWith(`servers.${id}.`));
}

async function classified(stage: Stage, address: string, why: string): Promise<Finding> {
  const { transport, server } = stage;
  const key = `servers.${server.id}`;
  const message = { jsonrpc: "2.0", id: 0, method: "initialize", params: hello };
  try {
    const { status, headers, text } = await askHttp({
      url: transport.url,
      headers: {
        ...transport.headers,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify(message),
      ca: transport.ca,
      address,
    });
    const type = String(headers["content-type"] ?? "no type");
    const saw = `HTTP ${status} to initialize`;
    if (status === 401 || status === 403) {
      const fix = `correct ${key}.headers in the config${thenReload(stage.world)}`;
      return of(stage, "GW_SERVER_AUTH", saw, { cause: why, fix });
    }
    const isMcp = answerIn(text) !== undefined;
    if (status >= 300 || !isMcp) {
      const to = headers.location === undefined ? "" : `, to ${headers.location}`;
      const fix = `correct the path in ${key}.url${thenReload(stage.world)}`;
      const cause = status >= 500 ? "the server fails inside" : `no MCP server is at this path`;
      const more = status >= 500 ? { cause } : { cause, fix };
      return of(stage, "GW_SERVER_HTTP", `${saw}${to} (${type})`, more);
    }
    return of(stage, "GW_SERVER_PROTOCOL", why, { cause: why });
  } catch (thrown) {
    return of(stage, "GW_SERVER_HUNG", `no answer to initialize: ${textOf(thrown)}`, {
      cause: why,
    });
  }
}

const hello = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "authensor-gw-doctor", version: "1" },
};

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
