/** Agents of both eras that use every feature: what they ask for, are asked for and are told of. */

import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { textOf } from "./clients.ts";

export type Era = "legacy" | "modern";

export interface FeatureAgent {
  readonly era: Era;
  /** What servers asked of it, as they arrived. */
  readonly asked: readonly Message[];
  /** What it was told, as it arrived. */
  readonly heard: readonly Message[];
  /** The client of SDK v1 or v2, for what both do alike. */
  readonly client: Common;
  /** Calls a tool; its text. */
  call(name: string, args?: Args, options?: CallOptions): Promise<string>;
  /** Is told of every change of the lists, and of this resource. */
  watch(uri: string): Promise<void>;
  close(): Promise<void>;
}

export interface Message {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

type Args = Readonly<Record<string, unknown>>;

export interface CallOptions {
  readonly progress?: (at: number) => void;
  readonly signal?: AbortSignal;
  /** When it gives up; 60 s by itself. */
  readonly timeout?: number;
  /** Wants the log lines of this call from this level on. */
  readonly logLevel?: "debug" | "info";
}

export interface AgentOptions {
  readonly token?: string;
  /** Answers a form; without it every form is accepted with `answers`. */
  readonly form?: (message: string) => Args;
  /** Its folders; `roots` without it. */
  readonly roots?: readonly { readonly uri: string; readonly name: string }[];
  /** What it cannot be asked for. */
  readonly without?: readonly ("elicitation" | "sampling" | "roots")[];
}

/** What a form of the everything server may want. */
export const answers = {
  name: "Ann",
  username: "ann",
  email: "ann@example.com",
  context: "a test",
  color: "blue",
  ok: true,
};
export const roots = [{ uri: "file:///work", name: "work" }];
const sampled = {
  role: "assistant" as const,
  model: "none",
  content: { type: "text" as const, text: "A sampled answer" },
};

/** Connects an agent of this era to the gateway at `url`. */
export async function featureAgent(era: Era, url: string, options: AgentOptions = {}) {
  return era === "legacy" ? legacyAgent(url, options) : modernAgent(url, options);
}

const declared = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

function capabilities(without: AgentOptions["without"] = []) {
  const left = Object.entries(declared).filter(([key]) => !without.some((w) => w === key));
  return Object.fromEntries(left) as Partial<typeof declared>;
}

/** Notes what is asked, and answers it. */
function answering(asked: Message[], { form, roots: own = roots }: AgentOptions) {
  const note = (method: string, params: unknown) =>
    asked.push({ method, params: (params ?? {}) as Args });
  return {
    elicit(params: { readonly message: string; readonly mode?: string | undefined }) {
      note("elicitation/create", params);
      if (params.mode === "url") return { action: "accept" as const };
      const content = (form?.(params.message) ?? answers) as Record<string, string | boolean>;
      return { action: "accept" as const, content };
    },
    sample(params: unknown) {
      note("sampling/createMessage", params);
      return sampled;
    },
    roots(params: unknown) {
      note("roots/list", params);
      return { roots: [...own] };
    },
  };
}

async function legacyAgent(url: string, options: AgentOptions): Promise<FeatureAgent> {
  const able = capabilities(options.without);
  const client = new Client({ name: "legacy", version: "1.0.0" }, { capabilities: able });
  const asked: Message[] = [];
  const heard: Message[] = [];
  const answer = answering(asked, options);
  if (able.elicitation !== undefined) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer.elicit(params));
  }
  if (able.sampling !== undefined) {
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => answer.sample(params));
  }
  if (able.roots !== undefined) {
    client.setRequestHandler(ListRootsRequestSchema, ({ params }) => answer.roots(params));
  }
  client.fallbackNotificationHandler = async ({ method, params }) => {
    heard.push({ method, params: params ?? {} });
  };
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", url), init(options));
  // The SDK's types are not written for exactOptionalPropertyTypes.
  await client.connect(transport as Transport);
  let level: string | undefined;
  return {
    era: "legacy",
    asked,
    heard,
    client,
    async call(name, args = {}, { progress, signal, logLevel, timeout } = {}) {
      if (logLevel !== undefined && logLevel !== level) await client.setLoggingLevel(logLevel);
      level = logLevel ?? level;
      const result = await client.callTool({ name, arguments: args }, undefined, {
        ...(progress && { onprogress: (at) => progress(at.progress) }),
        ...(signal && { signal }),
        ...(timeout && { timeout }),
      });
      return textOf(result);
    },
    async watch(uri) {
      await client.subscribeResource({ uri });
    },
    async close() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

async function modernAgent(url: string, options: AgentOptions): Promise<FeatureAgent> {
  const able = capabilities(options.without);
  const client = new ModernClient(
    { name: "modern", version: "1.0.0" },
    { capabilities: able, versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  const asked: Message[] = [];
  const heard: Message[] = [];
  const answer = answering(asked, options);
  if (able.elicitation !== undefined) {
    client.setRequestHandler("elicitation/create", ({ params }) => answer.elicit(params));
  }
  if (able.sampling !== undefined) {
    client.setRequestHandler("sampling/createMessage", ({ params }) => answer.sample(params));
  }
  if (able.roots !== undefined) {
    client.setRequestHandler("roots/list", ({ params }) => answer.roots(params));
  }
  client.fallbackNotificationHandler = async ({ method, params }) => {
    heard.push({ method, params: params ?? {} });
  };
  await client.connect(new ModernTransport(new URL("/mcp", url), init(options)));
  return {
    era: "modern",
    asked,
    heard,
    client,
    async call(name, args = {}, { progress, signal, logLevel, timeout } = {}) {
      const _meta = { "io.modelcontextprotocol/logLevel": logLevel };
      const params = { name, arguments: args, ...(logLevel && { _meta }) };
      const result = await client.callTool(params, {
        ...(progress && { onprogress: (at) => progress(at.progress) }),
        ...(signal && { signal }),
        ...(timeout && { timeout }),
      });
      return textOf(result);
    },
    async watch(uri) {
      await client.listen({
        toolsListChanged: true,
        promptsListChanged: true,
        resourcesListChanged: true,
        resourceSubscriptions: [uri],
      });
    },
    close: () => client.close(),
  };
}

function init({ token }: AgentOptions) {
  if (token === undefined) return {};
  return { requestInit: { headers: { Authorization: `Bearer ${token}` } } };
}

type Named = { readonly name: string };

/** What the clients of both SDKs have in common. */
interface Common {
  listTools(): Promise<{ readonly tools: readonly Named[] }>;
  listPrompts(): Promise<{ readonly prompts: readonly Named[] }>;
  listResources(): Promise<{ readonly resources: readonly { readonly uri: string }[] }>;
  listResourceTemplates(): Promise<{
    readonly resourceTemplates: readonly { readonly uriTemplate: string }[];
  }>;
  readResource(params: { uri: string }): Promise<{ readonly contents: readonly object[] }>;
  getPrompt(params: {
    name: string;
    arguments?: Record<string, string>;
  }): Promise<{ readonly messages: readonly { readonly content: unknown }[] }>;
  complete(params: {
    ref: { type: "ref/prompt"; name: string } | { type: "ref/resource"; uri: string };
    argument: { name: string; value: string };
  }): Promise<{ readonly completion: { readonly values: readonly string[] } }>;
}
