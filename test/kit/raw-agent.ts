/** An agent of few lines for load: legacy session, ids and progress tokens of its choice. */

export interface RawAgent {
  /** The text of the first content part; throws when the answer is an error of any kind. */
  call(tool: string, args: object, more?: CallOptions): Promise<RawAnswer>;
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

export async function rawAgent(url: string, token: string): Promise<RawAgent> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const post = (body: object) =>
    fetch(`${url}/mcp`, { method: "POST", headers, body: JSON.stringify(body) });
  const clientInfo = { name: "raw", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const hello = await post({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  if (!hello.ok) throw new Error(`initialize: ${hello.status} ${await hello.text()}`);
  headers["mcp-session-id"] = hello.headers.get("mcp-session-id") ?? "";
  headers["mcp-protocol-version"] = "2025-11-25";
  await hello.text();
  await (await post({ jsonrpc: "2.0", method: "notifications/initialized" })).text();
  let next = 1;
  return {
    async call(name, args, { id = next++, progressToken } = {}) {
      const meta = progressToken === undefined ? {} : { _meta: { progressToken } };
      const call = { name, arguments: args, ...meta };
      const answer = await post({ jsonrpc: "2.0", id, method: "tools/call", params: call });
      return readAnswer(answer.status, await answer.text());
    },
  };
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly error?: unknown;
  readonly params?: { readonly progressToken?: unknown; readonly message?: unknown };
  readonly result?: {
    readonly isError?: boolean;
    readonly content: readonly { readonly text: string }[];
  };
}

function readAnswer(status: number, body: string): RawAnswer {
  if (status !== 200) throw new Error(`HTTP ${status}: ${body.slice(0, 300)}`);
  const messages: Message[] = body.startsWith("{")
    ? [JSON.parse(body)]
    : body
        .split("\n")
        .filter((line) => line.startsWith("data: {"))
        .map((line) => JSON.parse(line.slice(6)));
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
