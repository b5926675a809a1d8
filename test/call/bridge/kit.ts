/** One scripted server behind the call path, and clients of both eras in front of it. */

import type { Identity } from "../../../src/access/access.ts";
import type { JsonObject } from "../../../src/base/json.ts";
import type { Handling } from "../../../src/call/incoming.ts";
import { handle } from "../../../src/call/methods.ts";
import type { Era } from "../../../src/protocol/message.ts";
import type { OutcomeFields } from "../../../src/receipt/model.ts";
import {
  type ScriptedUpstream,
  type SentRequest,
  scriptedUpstream,
  settle,
  type World,
  type WorldOptions,
  world,
} from "../../kit/scripted.ts";
import { type Caught, catchReply, incoming } from "../../kit/scripted-client.ts";

export const all = 'id: t\nrules:\n  - {id: all, effect: allow, methods: ["*"], other_args: any}\n';
export const everything: JsonObject = {
  elicitation: { form: {}, url: {} },
  sampling: {},
  roots: {},
};

const tools = [
  { name: "do", inputSchema: { type: "object" } },
  { name: "other", inputSchema: { type: "object" } },
];
const prompts = [{ name: "do", arguments: [] }];

export interface Cell {
  readonly server: ScriptedUpstream;
  readonly at: World;
  /** What the server got last. */
  last(): SentRequest;
  /** Sends a tools/call of `s__do`, or what `more` makes of it. */
  call(more?: More): Promise<Made>;
  outcomes(): OutcomeFields[];
  kinds(): string[];
}

export interface More {
  readonly method?: string;
  readonly name?: string;
  /** JSON text. */
  readonly args?: string;
  /** Further params members, JSON text without braces. */
  readonly params?: string;
  readonly identity?: Identity;
  readonly capabilities?: JsonObject;
  readonly asks?: boolean;
}

export interface Made {
  readonly reply: Caught;
  readonly handling: Handling;
  result(): JsonObject;
  error(): JsonObject;
}

export async function cell(client: Era, behind: Era, options: WorldOptions = {}): Promise<Cell> {
  const server = scriptedUpstream("s", tools, { era: behind, prompts, script: () => undefined });
  const at = await world([server], { policy: all, ...options });
  return {
    server,
    at,
    last: () => server.sent.at(-1) as SentRequest,
    async call(more = {}) {
      const { method = "tools/call", name = "s__do", args = '{"a":1.0}' } = more;
      const params = more.params === undefined ? "" : `,${more.params}`;
      const head = `{"jsonrpc":"2.0","id":7,"method":"${method}"`;
      const body = `${head},"params":{"name":"${name}","arguments":${args}${params}}}`;
      const { capabilities = everything, identity } = more;
      const who = identity === undefined ? {} : { identity };
      const reply = catchReply(more.asks ?? client === "legacy");
      const handling = handle(
        incoming(body, { era: client, capabilities, ...who }),
        reply,
        at.ports,
      );
      await settle();
      const answer = (): JsonObject => reply.answer()?.value ?? {};
      return {
        ...{ reply, handling },
        result: () => (answer()["result"] ?? {}) as JsonObject,
        error: () => (answer()["error"] ?? {}) as JsonObject,
      };
    },
    outcomes() {
      return at.records.flatMap((one) => (one.kind === "outcome" ? [one.fields] : []));
    },
    kinds: () => at.records.map((record) => record.kind),
  };
}

export function textOf(made: Made): string {
  const content = (made.result()["content"] ?? []) as { text: string }[];
  return content.map(({ text }) => text).join("");
}

/** The state and the keys of an input_required. */
export function asked(made: Made): { state: string; keys: string[]; requests: JsonObject } {
  const result = made.result();
  if (result["resultType"] !== "input_required") throw new Error(JSON.stringify(result));
  const requests = (result["inputRequests"] ?? {}) as JsonObject;
  return { state: String(result["requestState"]), keys: Object.keys(requests), requests };
}

/** The params with which a modern client goes on. */
export function again(state: string | undefined, responses: JsonObject): string {
  const its = state === undefined ? "" : `,"requestState":${JSON.stringify(state)}`;
  return `"inputResponses":${JSON.stringify(responses)}${its}`;
}

export const done = '{"content":[{"type":"text","text":"done"}],"n":1.0}';
export const form = '{"message":"Name?","requestedSchema":{"type":"object","properties":{}}}';
export const url = '{"mode":"url","message":"Go","url":"https://a.example/","elicitationId":"e"}';
