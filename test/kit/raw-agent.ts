/** An agent of few lines for load and attacks: ids, progress tokens and headers of its choice. */

export interface RawAgent {
  /** The text of the first content part; throws when the answer is an error of any kind. */
  call(tool: string, args: object, more?: CallOptions): Promise<RawAnswer>;
  /** Any request, whatever comes back. */
  ask(method: string, params?: object, id?: unknown): Promise<RawReply>;
  /** What each of its requests carries: key, session, revision. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RawReply {
  readonly status: number;
  /** The response to the request; undefined where none came. */
  readonly answer: Message | undefined;
  readonly text: string;
}

export interface RawAgentOptions {
  readonly era?: "legacy" | "modern";
  readonly capabilities?: object;
}

export interface CallOptions {
  readonly id?: number;
  readonly progressToken?: number;
}

export interface RawAnswer {
  readonly text: string;
  /** `message` of every progress notification before the answer, with its token. */
  readonly progress: readonly { readonly token: unknown; readonly message: unknown }[];
  readonly id: unknown;
}

export async function rawAgent(url: string, token: string, options: RawAgentOptions = {}) {
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const { era = "legacy", capabilities = {} } = options;
  return era === "legacy"
    ? withSession(`${url}/mcp`, headers, capabilities)
    : withEnvelope(`${url}/mcp`, headers, capabilities);
}

type Headers = Record<string, string>;
const clientInfo = { name: "raw", version: "1" };

async function withSession(url: string, headers: Headers, capabilities: object): Promise<RawAgent> {
  const post = (body: object) =>
    fetch(url, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...body }) });
  const params = { protocolVersion: "2025-11-25", capabilities, clientInfo };
  const hello = await post({ id: 0, method: "initialize", params });
  if (!hello.ok) throw new Error(`initialize: ${hello.status} ${await hello.text()}`);
  headers["mcp-session-id"] = hello.headers.get("mcp-session-id") ?? "";
  headers["mcp-protocol-version"] = "2025-11-25";
  await hello.text();
  await (await post({ method: "notifications/initialized" })).text();
  return agent(headers, (method, params, id) => post({ id, method, params }));
}

function withEnvelope(url: string, headers: Headers, capabilities: object): RawAgent {
  headers["mcp-protocol-version"] = "2026-07-28";
  const envelope = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": clientInfo,
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  return agent(headers, (method, params, id) => {
    const { _meta, ...rest } = params as { readonly _meta?: object };
    const named = rest as { readonly name?: string; readonly uri?: string };
    const name = named.name ?? named.uri;
    const sent = { ...rest, _meta: { ..._meta, ...envelope } };
    return fetch(url, {
      method: "POST",
      headers: { ...headers, "mcp-method": method, ...(name && { "mcp-name": name }) },
      body: JSON.stringify({ jsonrpc: "2.0", id, method, params: sent }),
    });
  });
}

type Send = (method: string, params: object, id: unknown) => Promise<Response>;

function agent(headers: Headers, send: Send): RawAgent {
  let next = 1;
  return {
    headers,
    async call(name, args, { id = next++, progressToken } = {}) {
      const meta = progressToken === undefined ? {} : { _meta: { progressToken } };
      const answer = await send("tools/call", { name, arguments: args, ...meta }, id);
      return readAnswer(answer.status, await answer.text());
    },
    async ask(method, params = {}, id = next++) {
      const reply = await send(method, params, id);
      const text = await reply.text();
      const last = messagesIn(text).findLast((m) => "result" in m || "error" in m);
      return { status: reply.status, answer: last, text };
    },
  };
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly error?: { readonly message?: string };
  readonly params?: { readonly progressToken?: unknown; readonly message?: unknown };
  readonly result?: {
    readonly isError?: boolean;
    readonly content: readonly { readonly text: string }[];
    readonly requestState?: string;
    readonly inputRequests?: Readonly<Record<string, unknown>>;
    readonly nextCursor?: string;
    readonly task?: { readonly taskId?: string };
  };
}

function messagesIn(body: string): readonly Message[] {
  if (body.startsWith("{")) return [JSON.parse(body) as Message];
  const lines = body.split("\n").filter((line) => line.startsWith("data: {"));
  return lines.map((line) => JSON.parse(line.slice(6)) as Message);
}

function readAnswer(status: number, body: string): RawAnswer {
  if (status !== 200) throw new Error(`HTTP ${status}: ${body.slice(0, 300)}`);
  const messages = messagesIn(body);
  const progress = messages
    .filter((message) => message.method === "notifications/progress")
    .map(({ params }) => ({ token: params?.progressToken, message: params?.message }));
  const last = messages.at(-1);
  const text = last?.result?.content[0]?.text;
  if (last === undefined || text === undefined || last.result?.isError === true) {
    throw new Error(`the call failed: ${body.slice(0, 300)}`);
  }
  return { text, progress, id: last.id };
}
