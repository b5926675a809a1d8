/** The HTTP front with everything behind it scripted, and requests as clients send them. */

import type { Access, Identity } from "../../src/access/access.ts";
import { fault } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { no, ok } from "../../src/base/result.ts";
import { createSealer } from "../../src/base/seal.ts";
import { systemRandom } from "../../src/base/system.ts";
import type { Incoming, Reply } from "../../src/call/incoming.ts";
import { createHttpFront, type HttpFront } from "../../src/front/http.ts";
import type { FrontPorts, Readiness } from "../../src/front/ports.ts";
import { type ListMethod, listMethods } from "../../src/protocol/lists.ts";
import type { Peer } from "../../src/runtime/runtime.ts";
import { type SetClock, setClock, settle } from "../kit/scripted.ts";
import { type ScriptedResources, scriptedResources, scriptedStates } from "./scripted.ts";

export interface Got {
  readonly incoming: Incoming;
  readonly reply: Reply;
  cancelled: string | undefined;
}

export interface World {
  readonly front: HttpFront;
  readonly clock: SetClock;
  /** What reached the call path, in order. */
  readonly got: Got[];
  readonly logged: { message: string; fields: Record<string, unknown> }[];
  readonly peer: Peer & { kept: number; limited: number };
  /** Hash of a key's tools, or `key method` for another list; `changed`: the front looks again. */
  lists: Map<string, string>;
  changed(...which: ListMethod[]): Promise<void>;
  readonly resources: ScriptedResources;
  revoke(keyId: string): void;
  ask(request: Request): Promise<Response>;
  ready: Readiness;
}

type Behaviour = (got: Got) => void;

/** Answers a call at once with its own params as the result. */
export const echo: Behaviour = ({ incoming, reply }) => {
  const { idText, params } = incoming.message;
  reply.send(200, [`{"jsonrpc":"2.0","id":${idText},"result":`, JSON.stringify(params), "}"]);
};

/** `forgetful` keeps no record of what reached the call path. */
export function world(
  behave: Behaviour = echo,
  over: Partial<FrontPorts> = {},
  memory: "keeps" | "forgetful" = "keeps",
): World {
  const clock = setClock();
  const got: Got[] = [];
  const logged: World["logged"] = [];
  const lists = new Map<string, string>();
  const keys = scriptedKeys(clock);
  const resources = scriptedResources();
  let changed: (lists: ReadonlySet<ListMethod>) => void = () => {};
  const made: World = {
    front: createHttpFront({
      access: keys.access,
      clock,
      random: systemRandom,
      sealer: createSealer(new Uint8Array(32), systemRandom),
      limits,
      hosts: ["mcp.example"],
      ports: [3100],
      behindProxy: false,
      protocol: "auto",
      handle(incoming, reply) {
        const one: Got = { incoming, reply, cancelled: undefined };
        if (memory === "keeps") got.push(one);
        behave(one);
        return {
          cancel(reason) {
            one.cancelled = reason;
          },
        };
      },
      hello: async () => ({
        serverInfo: { name: "authensor-gw", version: "0.0.0" },
        capabilities: { tools: { listChanged: true } },
        instructions: undefined,
      }),
      visibleHash: async ({ keyId }, list) =>
        lists.get(list === "tools/list" ? keyId : `${keyId} ${list}`) ?? "first",
      onListChange(listener) {
        changed = listener;
        return () => {
          changed = () => {};
        };
      },
      resources: resources.ports,
      sessionStates: scriptedStates(new Map()).ports,
      ready: () => made.ready,
      metrics: (header) => (header === "Bearer viewer" ? ok("up 1\n") : no(noViewer)),
      error: (message, fields) => void logged.push({ message, fields }),
      ...over,
    }),
    clock,
    got,
    logged,
    resources,
    peer: peer(),
    lists,
    changed(...which) {
      changed(new Set(which.length === 0 ? listMethods : which));
      return settle();
    },
    revoke: (keyId) => keys.revoke(keyId),
    ask: async (request) => made.front.handle(request, made.peer),
    ready: { ready: true, checks: [] },
  };
  return made;
}

function peer(): World["peer"] {
  return {
    kept: 0,
    limited: 0,
    address: () => "127.0.0.1",
    keepOpen() {
      this.kept++;
    },
    limitIdle() {
      this.limited++;
    },
  };
}

const noViewer = fault("GW_KEY_UNKNOWN", { message: "No such key" });

/** When the key `brief` ends: the scripted clock begins a minute before. */
const briefEnds = setClock().now() + 60_000;

/** alice, bob and brief are executors, `Bearer viewer` is not; the others fail. */
function scriptedKeys(clock: SetClock): { access: Access; revoke(keyId: string): void } {
  const live = new Map<string, Identity>();
  for (const [keyId, role] of Object.entries({
    alice: "executor",
    bob: "executor",
    brief: "executor",
    viewer: "viewer",
  })) {
    live.set(`Bearer ${keyId}`, {
      keyId,
      keyName: keyId,
      roles: [role],
      claims: {},
      expiresMs: keyId === "brief" ? briefEnds : null,
    });
  }
  let gone: (keyIds: readonly string[]) => void = () => {};
  const failures = {
    "Bearer expired": fault("GW_KEY_EXPIRED", {
      message: 'The key "old" expired',
      cause: "its time is over",
    }),
    "Bearer early": fault("GW_KEYS_UNAVAILABLE", { message: "No key store could be read yet" }),
  } as const;
  return {
    access: {
      authenticate(header) {
        const identity = live.get(header ?? "");
        if (identity !== undefined) return { ok: true, value: identity };
        const known = failures[header as keyof typeof failures];
        if (known !== undefined) return { ok: false, error: known };
        const code = header === null ? "GW_KEY_MISSING" : "GW_KEY_UNKNOWN";
        return { ok: false, error: fault(code, { message: "no such key" }) };
      },
      isLive(identity) {
        const { keyId, expiresMs } = identity;
        if (live.get(`Bearer ${keyId}`) !== identity) return false;
        return expiresMs === null || clock.now() < expiresMs;
      },
      onGone(listener) {
        gone = listener;
      },
      status: () => ({ source: "store", keys: 3, refreshedMs: 0, error: undefined }),
    },
    revoke(keyId) {
      live.delete(`Bearer ${keyId}`);
      gone([keyId]);
    },
  };
}

export type Headers_ = Record<string, string | undefined>;

const usual: Headers_ = {
  host: "localhost:3100",
  authorization: "Bearer alice",
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};

/** A request as a good client sends it; a header set to undefined is left out. */
export function to(method: string, path: string, headers: Headers_ = {}, body?: BodyInit): Request {
  const all = Object.entries({ ...usual, ...headers }).filter(([, value]) => value !== undefined);
  return new Request(`http://localhost:3100${path}`, {
    method,
    headers: all as [string, string][],
    ...(body === undefined ? {} : { body }),
  });
}

export function post(body: unknown, headers: Headers_ = {}): Request {
  return to("POST", "/mcp", headers, typeof body === "string" ? body : JSON.stringify(body));
}

export function rpc(method: string, params?: object, id: string | number = 1): object {
  return { jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) };
}

export const hello = rpc("initialize", {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "test", version: "1" },
});

/** Opens a legacy session and gives the headers that belong to it. */
export async function open(made: World, headers: Headers_ = {}): Promise<Headers_> {
  const answer = await made.ask(post(hello, headers));
  const session = answer.headers.get("mcp-session-id") ?? "";
  return { ...headers, "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" };
}

/** What every 2026-07-28 request carries in its _meta. */
export const envelope = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** A 2026-07-28 request with its envelope and mirror headers. */
export function modern(
  method: string,
  params: Record<string, unknown> = {},
  headers: Headers_ = {},
  id: string | number = 1,
): Request {
  const name = typeof params["name"] === "string" ? params["name"] : undefined;
  const _meta = { ...envelope, ...(params["_meta"] as object | undefined) };
  return post(rpc(method, { ...params, _meta }, id), {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    "mcp-name": name,
    ...headers,
  });
}

export interface Body {
  id?: string | number;
  error?: {
    code: number | string;
    message: string;
    cause?: string;
    fix?: string;
    data?: { code: string };
  };
  result?: Record<string, unknown>;
  [key: string]: unknown;
}

export async function bodyOf(response: Response): Promise<Body> {
  return (await response.json()) as Body;
}

/** One event of a stream, as it was sent. */
export interface Event {
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly event: string | undefined;
  readonly data: string;
}

/** The events of a stream's text; comments are none. */
export function eventsOf(text: string): Event[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const lines = block.split("\n");
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
      const [id, retry, event] = ["id", "retry", "event"].map(field);
      return { id, retry, event, data: data.join("\n") };
    });
}

/** The JSON-RPC messages among them. */
export function messagesOf(text: string): Body[] {
  return eventsOf(text).flatMap(({ data }) => (data === "" ? [] : [JSON.parse(data) as Body]));
}

/** The GW code of an error, whatever its shape. */
export async function codeOf(response: Response): Promise<string> {
  const { error } = await bodyOf(response);
  return error?.data?.code ?? String(error?.code);
}

/** Reads a stream as it comes: what has arrived by now, and whether it is over. */
export function follow(response: Response): {
  text: () => string;
  over: () => boolean;
  leave(): Promise<void>;
} {
  let text = "";
  let over = false;
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  void (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
    over = true;
  })();
  return { text: () => text, over: () => over, leave: () => reader.cancel() };
}
