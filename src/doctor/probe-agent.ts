/** What an agent does, step by step: connect, say who it is, shake hands in both families, list. */

import { catalogue } from "../base/error-codes.ts";
import type { ErrorCode } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { version } from "../base/version.ts";
import { doctorAgent } from "../gateway/watch-history.ts";
import { answerIn, askHttp, type Reply } from "./ask.ts";
import { attemptsText, connectAll, resolveAll } from "./connect.ts";
import { type Finding, type FindingParts, finding } from "./finding.ts";
import { type KeyRefusal, keyCodes, unknownCause } from "./key-fix.ts";

export interface AgentProbe {
  /** Where the agent is told to go. */
  readonly url: string;
  /** Its own headers; Authorization among them where it has a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** The gateway's own certificate is looked at elsewhere. */
  readonly anyCertificate: boolean;
  /** Said with each finding: whose config it was. */
  readonly of?: string;
  /** Where this gateway is, as an agent writes it. */
  readonly home?: string;
  /** What to do when a key is refused. */
  keyFix(refusal: KeyRefusal): Promise<string>;
}

/** Tools the agent sees, where it got that far. */
export interface Probed {
  readonly findings: readonly Finding[];
  readonly tools: number | undefined;
}

export async function probeAgent(probe: AgentProbe): Promise<Probed> {
  const unreached = await reach(probe);
  if (unreached !== undefined) return { findings: [unreached], tools: undefined };
  const [legacy, modern] = await Promise.all([legacyTools(probe), modernTools(probe)]);
  // What another program says to the second family is no news of this gateway.
  if (typeof legacy !== "number" && legacy.code === "GW_CLIENT_CONFIG") {
    return { findings: [legacy], tools: undefined };
  }
  // What is wrong with a key or a path is wrong in both: told once.
  const wrong = [legacy, modern].flatMap((one) => (typeof one === "number" ? [] : [one]));
  const codes = new Set(wrong.map(({ code }) => code));
  const findings = wrong.filter(({ code }, index) =>
    codes.size === 1 ? index === 0 : code !== "GW_SILENT" || index === 0,
  );
  return { findings, tools: typeof legacy === "number" ? legacy : undefined };
}

const named = (probe: AgentProbe, text: string) =>
  probe.of === undefined ? text : `${probe.of}: ${text}`;

/** A URL may carry a secret in its user part and its query. */
function shown({ url }: AgentProbe): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

async function reach(probe: AgentProbe): Promise<Finding | undefined> {
  const url = new URL(probe.url);
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const effect = "the agent cannot connect";
  let addresses: readonly string[];
  try {
    addresses = await resolveAll(host);
  } catch (thrown) {
    const saw = named(probe, `"${host}" does not resolve: ${textOf(thrown)}`);
    const fix = `correct the host in ${shown(probe)}`;
    return finding({ link: "agent", code: "GW_CLIENT_CONFIG", saw, effect, fix });
  }
  const attempts = await connectAll(addresses, port);
  if (attempts.some(({ reached }) => reached === "open")) return undefined;
  return finding({
    link: "agent",
    code: "GW_NOT_RUNNING",
    saw: named(probe, attemptsText(attempts, port)),
    cause: "the gateway does not listen at this address and port",
    effect,
    fix: `correct host and port of ${shown(probe)}, or start the gateway: \`authensor-gw serve\``,
  });
}

/** The SDK's own client, as most agents have it. */
async function legacyTools(probe: AgentProbe): Promise<number | Finding> {
  // Its errors hide what the gateway said: one bare question first.
  const refusal = await refusalOf(probe, legacyHello, {});
  if (refusal !== undefined) return refusal;
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import(
    "@modelcontextprotocol/sdk/client/streamableHttp.js"
  );
  const client = new Client({ name: doctorAgent, version });
  const headers = { ...probe.headers, "user-agent": doctorAgent };
  // A certificate of the gateway's own is not checked here, and fetch always checks.
  if (probe.anyCertificate && probe.url.startsWith("https:")) return modernTools(probe);
  const transport = new StreamableHTTPClientTransport(new URL(probe.url), {
    requestInit: { headers },
  });
  const options = { timeout: limits.doctorAnswerMs };
  try {
    // The SDK's own classes disagree under exactOptionalPropertyTypes.
    await client.connect(transport as Parameters<typeof client.connect>[0], options);
    const { tools } = await client.listTools({}, options);
    await transport.terminateSession();
    return tools.length;
  } catch (thrown) {
    return wrong(probe, "2025-11-25", textOf(thrown));
  } finally {
    await client.close();
  }
}

const legacyHello = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: doctorAgent, version },
  },
};

const modernList = {
  jsonrpc: "2.0",
  id: 0,
  method: "tools/list",
  params: {
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: doctorAgent, version },
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  },
};

/** 2026-07-28 has no handshake: one request is all of it. */
async function modernTools(probe: AgentProbe): Promise<number | Finding> {
  const fields = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" };
  try {
    const reply = await post(probe, modernList, fields);
    const answer = answerIn(reply.text);
    const tools = answer?.result?.["tools"];
    if (Array.isArray(tools)) return tools.length;
    return (await refusal(probe, reply)) ?? wrong(probe, "2026-07-28", told(reply));
  } catch (thrown) {
    return unanswered(probe, thrown);
  }
}

/** A refusal of initialize; undefined: it was taken, and its session is ended again. */
async function refusalOf(
  probe: AgentProbe,
  message: object,
  fields: Readonly<Record<string, string>>,
): Promise<Finding | undefined> {
  try {
    const reply = await post(probe, message, fields);
    if (reply.status >= 300) return (await refusal(probe, reply)) ?? wrongPlace(probe, reply);
    await endSession(probe, reply);
    return stranger(probe, reply);
  } catch (thrown) {
    return unanswered(probe, thrown);
  }
}

async function endSession(probe: AgentProbe, reply: Reply): Promise<void> {
  const session = reply.headers["mcp-session-id"];
  if (typeof session !== "string") return;
  const headers = { ...probe.headers, "mcp-session-id": session };
  const { url, anyCertificate } = probe;
  // It would be forgotten by itself.
  await askHttp({ url, method: "DELETE", headers, anyCertificate }).catch(() => undefined);
}

function post(
  probe: AgentProbe,
  message: object,
  fields: Readonly<Record<string, string>>,
): Promise<Reply> {
  const headers = {
    ...probe.headers,
    ...fields,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const { url, anyCertificate } = probe;
  return askHttp({ url, headers, body: JSON.stringify(message), anyCertificate });
}

/** The gateway's own words, where it was the gateway that refused. */
async function refusal(probe: AgentProbe, reply: Reply): Promise<Finding | undefined> {
  const body = ownError(reply.text);
  if (body === undefined) {
    if (reply.status !== 404 && reply.status !== 405 && reply.status < 500) return undefined;
    return wrongPlace(probe, reply);
  }
  const { code, message, cause, fix } = body;
  const known = code === "GW_KEY_UNKNOWN" ? unknownCause(message) : catalogue[code].meaning;
  const isKey = keyCodes.has(code);
  const parts: FindingParts = {
    link: "agent",
    code,
    saw: named(probe, `HTTP ${reply.status}: ${message}`),
    effect: isKey ? "the agent is refused" : "the agent cannot connect",
    cause: cause || known,
    fix: isKey ? await probe.keyFix(body) : fixOf(code, probe) || fix,
  };
  return finding(parts);
}

function fixOf(code: ErrorCode, { url }: AgentProbe): string {
  if (code === "GW_NOT_FOUND") return `write ${new URL(url).origin}/mcp in the agent's config`;
  return code === "GW_HOST"
    ? `add the name to \`hosts\` in the gateway's config, and restart it`
    : "";
}

/** It shakes hands, but gives another name than the gateway's, or none. */
function stranger(probe: AgentProbe, reply: Reply): Finding | undefined {
  const result = answerIn(reply.text)?.result;
  if (result === undefined) return wrongPlace(probe, reply);
  const { name } = (result["serverInfo"] ?? {}) as { readonly name?: unknown };
  if (name === "authensor-gw") return undefined;
  const called = typeof name === "string" ? ` ("${name}")` : "";
  return finding({
    link: "agent",
    code: "GW_CLIENT_CONFIG",
    saw: named(probe, `${shown(probe)} is an MCP server${called}, but not this gateway`),
    cause: "the agent goes there directly, without policy and receipts",
    effect: "the agent has the tools of that server, and not those of the gateway",
    fix: probe.home === undefined ? `correct ${shown(probe)}` : `write ${probe.home}`,
  });
}

function wrongPlace(probe: AgentProbe, reply: Reply): Finding {
  return finding({
    link: "agent",
    code: "GW_CLIENT_CONFIG",
    saw: named(probe, `${shown(probe)} answers HTTP ${reply.status}, and not as this gateway does`),
    cause: "another program listens there, or a proxy on the way does not reach the gateway",
    effect: "the agent cannot connect",
    fix: `correct host, port and path of ${shown(probe)}; MCP is at /mcp`,
  });
}

function wrong(probe: AgentProbe, family: string, why: string): Finding {
  const saw = named(probe, `${shown(probe)}, ${family}: ${why}`);
  const effect = `agents that speak ${family} cannot list tools`;
  return finding({ link: "agent", code: "GW_INTERNAL", saw, effect });
}

/** What came back was no HTTP: the wrong scheme and a certificate are told from silence. */
async function unanswered(probe: AgentProbe, thrown: unknown): Promise<Finding> {
  const url = shown(probe);
  const code = String((thrown as { code?: unknown }).code ?? "");
  if (code.includes("WRONG_VERSION")) return wrongScheme(probe, "this port speaks no TLS", "http:");
  if (/CERT|ALTNAME|ISSUER/.test(code)) {
    return finding({
      link: "agent",
      code: "GW_TLS",
      saw: named(probe, `the certificate of ${url} is not taken: ${code}`),
      effect: "an agent that checks it does not connect",
      fix: trust,
    });
  }
  const isPlain = url.startsWith("http:") && code !== "ETIMEDOUT";
  if (isPlain && (await speaksTls(url))) {
    return wrongScheme(probe, "this port speaks TLS", "https:");
  }
  return finding({
    link: "agent",
    code: "GW_SILENT",
    saw: named(probe, `${url} takes the request and does not answer: ${textOf(thrown)}`),
    effect: "the agent waits",
  });
}

const trust =
  "let the agent's machine trust its issuer (Node.js: NODE_EXTRA_CA_CERTS=FILE), write a name " +
  "that it is for, or renew `tls.cert` of the gateway";

function wrongScheme(probe: AgentProbe, cause: string, scheme: "http:" | "https:"): Finding {
  const url = shown(probe);
  return finding({
    link: "agent",
    code: "GW_CLIENT_CONFIG",
    saw: named(probe, `${url} is written with ${new URL(url).protocol}//`),
    cause,
    effect: "the agent cannot connect",
    fix: `write ${url.replace(/^\w+:/, scheme)} in the agent's config`,
  });
}

async function speaksTls(url: string): Promise<boolean> {
  const { host } = new URL(url);
  try {
    await askHttp({ url: `https://${host}/health`, anyCertificate: true });
    return true;
  } catch {
    return false; // no TLS either: what was seen first is told
  }
}

interface OwnError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause: string;
  readonly fix: string;
}

/** `{error: {code: "GW_…"}}`, or a JSON-RPC error whose data has the code. */
function ownError(text: string): OwnError | undefined {
  let body: { error?: Record<string, unknown> };
  try {
    body = JSON.parse(text);
  } catch {
    return undefined; // not ours
  }
  const error = body?.error;
  const data = (error?.["data"] ?? error) as Record<string, unknown> | undefined;
  const code = data?.["code"];
  if (typeof code !== "string" || !Object.hasOwn(catalogue, code)) return undefined;
  const word = (from: Record<string, unknown> | undefined, name: string) =>
    typeof from?.[name] === "string" ? String(from[name]) : "";
  const known = code as ErrorCode;
  const fix = word(data, "fix") || catalogue[known].fix;
  return { code: known, message: word(error, "message"), cause: word(data, "cause"), fix };
}

function told({ status, text }: Reply): string {
  return `HTTP ${status} ${text.slice(0, 200)}`;
}

function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = "code" in thrown ? String(thrown.code) : "";
  return code === "" || thrown.message.includes(code)
    ? thrown.message
    : `${thrown.message} (${code})`;
}
