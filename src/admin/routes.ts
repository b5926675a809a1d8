/** The control API: one row a route, with who may. Served on the admin socket only. */

import type { Hono } from "hono";
import type { Access } from "../access/access.ts";
import type { Audit } from "../audit/audit.ts";
import { asFault, fault, type GatewayError } from "../base/errors.ts";
import type { HttpRequest } from "../base/http-request.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Policy, Target } from "../policy/model.ts";
import type { KeyRow, ReceiptQuery, ReceiptRow } from "../store/store.ts";
import { actServer, cancelCall, extendCall, type LiveActions } from "./actions.ts";
import {
  type AdminError,
  type GatewayStatus,
  type ListedItem,
  paths,
  type ReceiptDetail,
} from "./contract.ts";
import type { ReloadReport } from "./contract-reload.ts";
import type { LiveFeed } from "./events.ts";
import { forOperators } from "./fixes.ts";
import { listItems, whyItem } from "./items.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "./keys.ts";
import { type LogLevelPort, setLogLevel, showLogLevel } from "./log-level.ts";
import { listReceipts, showReceipt } from "./receipts.ts";
import { listTools, whyTool } from "./tools.ts";
import { type Caller, decideAdmin, type May } from "./who.ts";

export interface AdminPorts {
  status(): GatewayStatus;
  readonly live: Pick<LiveFeed, "snapshot" | "watch">;
  readonly actions: LiveActions;
  readonly access: Pick<Access, "authenticate"> & KeyAdmin;
  readonly audit: Pick<Audit, "admin">;
  /** Spool and store as one, newest first. */
  receipts(query: ReceiptQuery): Promise<readonly ReceiptRow[]>;
  receipt(id: string): Promise<ReceiptDetail | undefined>;
  tools(): readonly AdminTool[];
  /** Prompts, resources and templates. */
  items(): readonly AdminItem[];
  /** The resource behind a URI that no list names: by a template, or of the only server. */
  unlisted(uri: string): AdminItem | undefined;
  heldBackItems(): readonly {
    readonly kind: AdminItem["kind"];
    readonly server: string;
    readonly name: string;
    readonly why: string;
  }[];
  quarantined(): readonly {
    readonly server: string;
    readonly name: string;
    readonly why: string;
  }[];
  policy(): Policy;
  /** For a request body, but for tests. */
  readonly bodyMs?: number;
  readonly logLevel: LogLevelPort;
  /** Config and policy anew, on record with who asked; rejects and changes nothing when bad. */
  reload(by: string, options: { readonly dryRun: boolean }): Promise<ReloadReport>;
}

/** What makes and ends keys: part of access/keys.ts. */
export interface KeyAdmin {
  list(): readonly KeyRow[];
  refresh(): Promise<void>;
  create(key: {
    readonly name: string;
    readonly roles: readonly string[];
    readonly expiresMs: number | null;
  }): Promise<MadeKey>;
  revoke(idOrName: string): Promise<{ rows: readonly KeyRow[]; stored: boolean }>;
  rotate(idOrName: string, options?: { graceMs?: number }): Promise<MadeKey>;
}

export interface MadeKey {
  readonly row: KeyRow;
  readonly token: string;
}

/** What the API needs of a tool of the catalog. */
export interface AdminTool {
  readonly exposed: string;
  readonly target: string;
  readonly declared: ReadonlySet<string>;
}

export interface AdminItem {
  readonly kind: ListedItem["kind"];
  readonly server: string;
  readonly exposed: string;
  /** What policy is asked about. */
  readonly target: Target;
}

export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly may: May;
  handle(request: AdminRequest, ports: AdminPorts): Promise<unknown>;
}

export interface AdminRequest {
  readonly query: URLSearchParams;
  /** {} for a GET. */
  readonly body: JsonObject;
  readonly caller: Caller;
  /** Throws when the caller may no longer do this: for after each wait (F11, F12). */
  stillMay(): void;
  /** The last seq of an event stream that broke; undefined: it begins. */
  readonly after: number | undefined;
}

/** What the API asks of the other ends of its listener (runtime.ts Peer). */
export interface AdminPeer {
  address(request: HttpRequest): string;
  keepOpen(request: HttpRequest): void;
}

/** Every route there is; one without a row does not exist (F12). */
export const routes: readonly Route[] = [
  { method: "GET", path: paths.status, may: "read", handle: async (_, ports) => ports.status() },
  {
    method: "GET",
    path: paths.snapshot,
    may: "read",
    handle: async (_, ports) => ports.live.snapshot(),
  },
  {
    method: "GET",
    path: paths.events,
    may: "read",
    handle: async ({ after, stillMay }, ports) => ports.live.watch(after, stillMay),
  },
  { method: "POST", path: paths.serverRetry, may: "operate", handle: actServer("retry") },
  { method: "POST", path: paths.serverRestart, may: "operate", handle: actServer("restart") },
  { method: "POST", path: paths.serverEnable, may: "operate", handle: actServer("enable") },
  { method: "POST", path: paths.serverDisable, may: "operate", handle: actServer("disable") },
  { method: "POST", path: paths.callCancel, may: "operate", handle: cancelCall },
  { method: "POST", path: paths.callExtend, may: "operate", handle: extendCall },
  { method: "GET", path: paths.keys, may: "read", handle: listKeys },
  { method: "POST", path: paths.keys, may: "first-key", handle: createKey },
  { method: "POST", path: paths.revoke, may: "admin", handle: revokeKey },
  { method: "POST", path: paths.rotate, may: "admin", handle: rotateKey },
  { method: "GET", path: paths.tools, may: "read", handle: listTools },
  { method: "GET", path: paths.why, may: "read", handle: whyTool },
  { method: "GET", path: paths.items, may: "read", handle: listItems },
  { method: "GET", path: paths.itemWhy, may: "read", handle: whyItem },
  { method: "GET", path: paths.receipts, may: "read", handle: listReceipts },
  { method: "GET", path: paths.receipt, may: "read", handle: showReceipt },
  { method: "GET", path: paths.logLevel, may: "read", handle: showLogLevel },
  { method: "POST", path: paths.logLevel, may: "operate", handle: setLogLevel },
  {
    method: "POST",
    path: paths.reload,
    may: "admin",
    handle: ({ body, caller }, ports) =>
      ports.reload(caller.keyId, { dryRun: member(body, "dry_run") === true }),
  },
];

/** Hono is loaded at the first request: a start does not need it. */
export function createAdmin(ports: AdminPorts): {
  fetch(request: HttpRequest, peer: AdminPeer): Promise<Response>;
} {
  let app: Promise<App> | undefined;
  return {
    async fetch(request, peer) {
      app ??= makeApp(ports);
      // As a router: it reads the method and the URL, and hands the rest on.
      return (await app).fetch(request as Request, { peer });
    },
  };
}

type App = Hono<{ Bindings: { readonly peer: AdminPeer } }>;

async function makeApp(ports: AdminPorts): Promise<App> {
  const { Hono: Router } = await import("hono");
  const app: App = new Router();
  for (const route of routes) {
    app.on(route.method, route.path, async (context) =>
      answer(route, context.req.raw, ports, context.env.peer),
    );
  }
  app.notFound((context) => {
    const known = routes.filter((route) => route.path === context.req.path);
    if (known.length === 0) {
      const message = "The admin API has nothing at this path";
      return refusal(fault("GW_NOT_FOUND", { message }), "read");
    }
    const response = refusal(
      fault("GW_METHOD_NOT_ALLOWED", { message: "The path does not take this HTTP method" }),
      "read",
    );
    response.headers.set("allow", known.map((route) => route.method).join(", "));
    return response;
  });
  app.onError((thrown) => refusal(asFault(thrown, "The admin API failed"), "read"));
  return app;
}

async function answer(
  route: Route,
  request: HttpRequest,
  ports: AdminPorts,
  peer: AdminPeer,
): Promise<Response> {
  try {
    const header = request.headers.get("authorization");
    const onSocket = peer.address(request) === "unix";
    const told = { header, onSocket };
    let caller = await callerOf(route, told, ports);
    let body: JsonObject = {};
    if (route.method !== "GET") {
      body = await readBody(request, ports.bodyMs ?? limits.bodyMs);
      // The body may have taken its time, and the key may be no more.
      caller = await callerOf(route, told, ports);
    }
    const query = new URL(request.url).searchParams;
    const stillMay = () => void callerNow(route, told, ports);
    const after = seqOf(request.headers.get("last-event-id"));
    const found = await route.handle({ query, body, caller, stillMay, after }, ports);
    if (!(found instanceof ReadableStream)) return json(found, 200);
    peer.keepOpen(request);
    return new Response(found, { headers: streamHeaders });
  } catch (thrown) {
    return refusal(asFault(thrown, "The admin API failed"), route.may);
  }
}

const streamHeaders = { "content-type": "text/event-stream", "cache-control": "no-store" };

/** What is no number of ours is no place in the stream. */
function seqOf(id: string | null): number | undefined {
  const seq = Number(id ?? "");
  return Number.isSafeInteger(seq) && seq > 0 ? seq : undefined;
}

/** What a request says of who sent it. */
interface Told {
  readonly header: string | null;
  readonly onSocket: boolean;
}

async function callerOf(route: Route, told: Told, ports: AdminPorts): Promise<Caller> {
  // Another gateway on the same store may have made one: what is not known is not "none".
  if (route.may === "first-key" && told.header === null) await ports.access.refresh();
  return callerNow(route, told, ports);
}

function callerNow(route: Route, { header, onSocket }: Told, ports: AdminPorts): Caller {
  let caller: Caller | undefined;
  if (header !== null) {
    const known = ports.access.authenticate(header);
    if (!known.ok) throw known.error;
    caller = { keyId: known.value.keyId, roles: known.value.roles };
  }
  const first = route.may === "first-key" && caller === undefined;
  const hasAdminKey = !first || ports.access.list().some(isLiveAdmin);
  const decided = decideAdmin(route.may, caller, { hasAdminKey, onSocket });
  if (!decided.ok) throw decided.error;
  return decided.value;
}

function isLiveAdmin(row: KeyRow): boolean {
  const live = row.revokedMs === null && (row.expiresMs === null || row.expiresMs > Date.now());
  return live && row.roles.includes("admin");
}

async function readBody(request: HttpRequest, withinMs: number): Promise<JsonObject> {
  const text = await inTime(request.text(), withinMs);
  if (text.length > limits.adminBodyBytes) {
    throw fault("GW_BODY_TOO_LARGE", { message: "The request is too large for the admin API" });
  }
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    throw fault("GW_JSON", { message: "The request is not JSON" });
  }
  if (!isObject(body)) throw fault("GW_PARAMS", { message: "The request is not a JSON object" });
  return body;
}

async function inTime(text: Promise<string>, ms: number): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = fault("GW_BODY_SLOW", { message: "The request did not arrive in time" });
    timer = setTimeout(() => reject(error), ms);
  });
  try {
    return await Promise.race([text, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** O11: what went wrong inside says so with its code, not with paths or SQL. */
function refusal(error: GatewayError, may: May): Response {
  const inside = error.code === "GW_INTERNAL";
  const { code, message, fix } = forOperators(error, may);
  const body: AdminError = { code, message, cause: inside ? "" : error.why, fix };
  // JSON-RPC limits and denials have HTTP 200; here every error is one.
  const status = error.spec.http < 400 ? 422 : error.spec.http;
  // The rest of a slow body is not read: the connection is of no more use.
  return json(body, status, error.code === "GW_BODY_SLOW" ? { connection: "close" } : {});
}

function json(value: unknown, status: number, more: Record<string, string> = {}): Response {
  const headers = { ...more, "content-type": "application/json", "cache-control": "no-store" };
  return new Response(JSON.stringify(value), { status, headers });
}
