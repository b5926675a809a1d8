/** `authensor-gw tools call`: one call through the front door, as an agent would make it. */

import { adminClient } from "../admin/client.ts";
import { type ListedTool, paths } from "../admin/contract.ts";
import { catalogue } from "../base/error-codes.ts";
import { type ErrorCode, fault, GatewayError } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { nearestTarget } from "../base/nearest.ts";
import { printable } from "../base/printable.ts";
import { version } from "../base/version.ts";
import type { Config } from "../gateway/config-model.ts";
import { answering, isNotRunning } from "./answering.ts";
import type { Invocation } from "./command.ts";
import { argumentsOption } from "./json-option.ts";
import { findAgentKey } from "./key.ts";
import { frontFrom, needReach } from "./reach.ts";
import { needTarget } from "./target.ts";

/** Exit 0 answered, 1 denied or failed, 69 not reached. */
export async function run(call: Invocation): Promise<number> {
  const target = needTarget(call.args[0]);
  const args = await argumentsOption(call);
  const named = call.options.text("url");
  const config = named === undefined ? await asRunning(await needReach(call)) : undefined;
  const url = config === undefined ? String(named) : frontUrl(config);
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import(
    "@modelcontextprotocol/sdk/client/streamableHttp.js"
  );
  const client = new Client({ name: "authensor-gw-cli", version });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: headersFor(call) },
    fetch: fetchWith(args),
  });
  call.io.err(`→ gateway ${url}`);
  try {
    // The SDK's own classes disagree under exactOptionalPropertyTypes.
    const door = transport as Parameters<typeof client.connect>[0];
    await client.connect(door, { timeout: limits.gatewaySilentMs }).catch((thrown: unknown) => {
      throw (thrown as { code?: unknown }).code === sdkTimeout ? silentFault(url) : thrown;
    });
    const name = await exposedName(config, target);
    // The gateway has the deadlines; whoever tells of progress is given the time it needs.
    const options = { timeout: longestTimer, onprogress: progressTo(call) };
    const result = await client.callTool({ name, arguments: {} }, undefined, options);
    showResult(call, result as { content?: unknown; isError?: unknown });
    return result["isError"] === true ? 1 : 0;
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    const own = serversOwn(thrown);
    if (own === undefined) throw await knownBetter(callFault(call, url, thrown), config, target);
    call.io.err(`The server's own error, not the gateway's: ${printable(own)}`);
    return 1;
  } finally {
    await client.close();
  }
}

/**
 * The SDK writes arguments anew, and then the gateway judges others than were given: without keys
 * that come twice, with numbers rounded. So it writes none, and these go there as they are.
 */
function fetchWith(args: string): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return (url, init) => {
    const body = init?.body;
    if (typeof body !== "string") return fetch(url, init);
    // Within a text of JSON the quotes would be escaped: this can only be the member itself.
    const whole = body.replace('"arguments":{}', () => `"arguments":${args}`);
    return fetch(url, { ...init, body: whole });
  };
}

/** After a reload that could not move it the gateway is elsewhere than the config says. */
async function asRunning(config: Config): Promise<Config> {
  try {
    const { status } = await answering(config);
    return status === undefined ? config : frontFrom(status.listen, config);
  } catch (thrown) {
    // Its front door may be open to who cannot reach its socket, or see where that is.
    const closed = ["GW_SOCKET", "GW_DATA_DIR"];
    const isClosed = thrown instanceof GatewayError && closed.includes(thrown.code);
    if (isClosed || isNotRunning(thrown)) return config;
    throw thrown;
  }
}

/** ErrorCode.RequestTimeout of the SDK. */
const sdkTimeout = -32001;

function silentFault(url: string): GatewayError {
  const waited = `no answer in ${limits.gatewaySilentMs / 1000} s`;
  return fault("GW_SILENT", {
    message: `Cannot call through ${url}`,
    cause: `${waited}: it is starting still, its loop hangs, or the machine is overloaded`,
    fix: "wait a moment; `authensor-gw doctor`, run beside it, says more",
  });
}

/** Timers hold no more milliseconds. */
const longestTimer = 2 ** 31 - 1;

/** For a person who waits. */
function progressTo({ io }: Invocation): (progress: Progress) => void {
  return ({ progress, total, message }) => {
    if (!io.interactive) return;
    const of = total === undefined ? "" : ` of ${total}`;
    io.err(`… ${progress}${of}${message === undefined ? "" : ` ${printable(message)}`}`);
  };
}

interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** A JSON-RPC error that went through as it came: none of the gateway's codes is in it. */
function serversOwn(thrown: unknown): string | undefined {
  const { code, data } = (thrown ?? {}) as { code?: unknown; data?: unknown };
  if (typeof code !== "number" || code >= 0 || !(thrown instanceof Error)) return undefined;
  const given = isObject(data) ? member(data, "code") : undefined;
  if (typeof given === "string" && Object.hasOwn(catalogue, given)) return undefined;
  // Nobody answered: the client's own words.
  if (thrown.message.endsWith(": Connection closed")) return undefined;
  return thrown.message.replace(/^MCP error /, "");
}

/** The gateway knows the name for agents; where its socket is closed to us, the usual form. */
async function exposedName(config: Config | undefined, target: string): Promise<string> {
  const usual = target.replace("/", "__");
  if (config === undefined || config.naming === "prefix") return usual;
  const tools = await toolsOf(config);
  return tools.find((tool) => tool.tool === target)?.exposed || usual;
}

/** None where nobody may ask: the call itself will say what is wrong. */
async function toolsOf(config: Config): Promise<readonly ListedTool[]> {
  try {
    const client = adminClient({ socket: config.admin.socket });
    return await client.get<readonly ListedTool[]>(paths.tools);
  } catch {
    return [];
  }
}

/** The gateway does not tell an agent what it may not see; who may ask it for all tools is told. */
async function knownBetter(
  error: GatewayError,
  config: Config | undefined,
  target: string,
): Promise<GatewayError> {
  if (error.code !== "GW_TOOL_UNKNOWN" || config === undefined) return error;
  const tools = (await toolsOf(config)).map(({ tool }) => tool);
  const like = tools.includes(target) ? undefined : nearestTarget(target, tools);
  const why = `\`authensor-gw tools why ${printable(target)} --as NAME\` says why`;
  const fix = like === undefined ? why : `did you mean ${printable(like)}? ${why}`;
  return fault(error.code, { message: error.message, cause: error.why, fix });
}

function frontUrl(config: Config): string {
  if (config.listen === undefined) {
    const message = "Cannot call a tool over HTTP: the config says `listen: none`";
    throw fault("GW_USAGE", { message, fix: "name a port with `listen`, or use `stdio`" });
  }
  const { host, port } = config.listen;
  const scheme = config.tls === undefined ? "http" : "https";
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host;
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}/mcp`;
}

function headersFor(call: Invocation): Record<string, string> {
  const key = findAgentKey(call);
  return key === undefined ? {} : { authorization: `Bearer ${key.token}` };
}

function showResult(call: Invocation, result: { content?: unknown }): void {
  if (call.options.has("json")) {
    call.io.out(JSON.stringify(result));
    return;
  }
  const content = Array.isArray(result.content) ? result.content : [];
  for (const item of content as Record<string, unknown>[]) {
    const { text } = item;
    if (typeof text !== "string") call.io.out(`(${String(item["type"])}, --json shows it)`);
    else for (const line of text.split("\n")) call.io.out(printable(line));
  }
}

/** The SDK wraps what the gateway answered; what is shown is the gateway's own words. */
function callFault(call: Invocation, url: string, thrown: unknown): GatewayError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const told = toldBy(thrown, text);
  if (told === undefined) {
    if (call.options.has("url") && /unable to connect|refused/i.test(text)) {
      const message = `Nothing listens at ${url}`;
      const fix = "is the URL right? If no gateway runs, start it with `authensor-gw serve`";
      return fault("GW_NOT_RUNNING", { message, fix });
    }
    const message = `Cannot call through ${url}`;
    // Bun says more than it knows.
    const cause = printable(text.replace(/: Unable to connect\. Is the computer able .*$/, ""));
    return fault("GW_NOT_RUNNING", { message, cause });
  }
  const { code, message, why, fix, key } = told;
  if (!key) return fault(code, { message, cause: why, fix });
  const from = findAgentKey(call)?.from;
  const origin = from === undefined ? "no key was named" : `the token came from ${from}`;
  return fault(code, {
    message,
    cause: why === "" ? origin : `${why}; ${origin}`,
    fix: "name an executor key with --key-file or $AUTHENSOR_GW_KEY",
  });
}

interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly why: string;
  readonly fix: string;
  /** It is about the key. */
  readonly key: boolean;
}

/** Of `{error: {code, message, …}}` in the text, or of a JSON-RPC error of ours; else undefined. */
function toldBy(thrown: unknown, text: string): Told | undefined {
  const status = (thrown as { code?: unknown } | undefined)?.code;
  const isRpc = typeof status === "number" && status < 0;
  // Only our own HTTP answers are taken apart.
  const body = isRpc ? undefined : jsonIn(text);
  const outer = isObject(body) ? member(body, "error") : undefined;
  const data = isObject(outer)
    ? (member(outer, "data") ?? outer)
    : (thrown as { data?: unknown } | undefined)?.data;
  const given = isObject(data) ? member(data, "code") : undefined;
  const known = typeof given === "string" && Object.hasOwn(catalogue, given);
  if (!known) return undefined;
  const code = given as ErrorCode;
  const word = (name: string) => {
    const found = isObject(data) ? member(data, name) : undefined;
    return typeof found === "string" ? printable(found) : "";
  };
  const plain = without(`${code}: `, without(`MCP error ${String(status)}: `, text));
  const inBody = isObject(outer) ? member(outer, "message") : undefined;
  return {
    code,
    message: printable(typeof inBody === "string" ? without(`${code}: `, inBody) : plain),
    why: word("cause"),
    fix: word("fix") || catalogue[code].fix,
    key: code.startsWith("GW_KEY_") || code === "GW_ROLE",
  };
}

function without(prefix: string, text: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function jsonIn(text: string): unknown {
  const open = text.indexOf("{");
  if (open === -1) return undefined;
  try {
    return JSON.parse(text.slice(open));
  } catch {
    return undefined; // a message that only holds a brace
  }
}
