/** Ports of the admin API with a key of each role, and a way to ask it. */

import { type AdminPeer, type AdminPorts, createAdmin } from "../../src/admin/routes.ts";
import { fault } from "../../src/base/errors.ts";
import { no, ok } from "../../src/base/result.ts";
import { readPolicy } from "../../src/policy/read.ts";
import type { KeyRow } from "../../src/store/store.ts";

export function row(name: string, roles: readonly string[]): KeyRow {
  return {
    id: `k-${name}`,
    name,
    roles,
    tokenHash: "",
    createdMs: 0,
    expiresMs: null,
    revokedMs: null,
  };
}

const usualLevel = { level: "info", untilMs: null, server: null, key: null } as const;
export const people = ["executor", "viewer", "operator", "admin"] as const;

/** Ports of a gateway with one key of each role, whose token is the role's name. */
export function ports(options: { keys?: KeyRow[]; broken?: boolean } = {}) {
  const keys = options.keys ?? people.map((role) => row(role, [role]));
  const records: string[] = [];
  const loaded = readPolicy([
    { name: "p.yaml", text: 'id: p\nallow: ["files/*"]\ndeny: ["files/delete"]\n' },
  ]);
  if (!loaded.ok) throw new Error("the policy of this test does not load");
  const made = (name: string, roles: readonly string[]) => {
    const key = row(name, roles);
    keys.push(key);
    return { row: key, token: "agw_new" };
  };
  const admin: AdminPorts = {
    status: () => {
      if (options.broken) throw new Error("/secret/path is broken");
      const files = { id: "files", state: "ready" };
      return { servers: [{ id: "git", state: "backoff", cause: "refused" }, files] } as never;
    },
    actions: {
      servers: () => ["git"],
      server: async (action, id, by) => {
        records.push(`${action} ${id} for ${by}`);
        return { id } as never;
      },
      call: (id) =>
        id === "c-1" ? ({ id, receipt: "r-1-1", tool: "git/log" } as never) : undefined,
      cancel: (id, reason) => {
        records.push(`cancel ${id} ${reason}`);
        return { id } as never;
      },
      extend: (id, ms) => {
        records.push(`extend ${id} ${ms}`);
        return { id } as never;
      },
    },
    live: {
      snapshot: () => ({ seq: 1 }) as never,
      watch: () => new ReadableStream({ start: (controller) => controller.close() }),
    },
    logLevel: { current: () => usualLevel, set: () => usualLevel, reset: () => usualLevel },
    access: {
      authenticate(header) {
        const found = keys.find((key) => header === `Bearer ${key.name}`);
        if (found === undefined) return no(fault("GW_KEY_UNKNOWN", { message: "No such key" }));
        const { id: keyId, name: keyName, roles } = found;
        return ok({ keyId, keyName, roles, claims: {}, expiresMs: null });
      },
      list: () => keys,
      refresh: async () => {},
      create: async ({ name, roles }) => made(name, roles),
      revoke: async () => ({ rows: [row("gone", [])], stored: true }),
      rotate: async (name) => made(name, []),
    },
    audit: {
      admin(action, keyId, fields) {
        records.push(`${action} by ${keyId} ${JSON.stringify(fields)}`);
        return { seq: 0, id: "r-0-0", durable: Promise.resolve() };
      },
    },
    receipts: async (query) => [query as never],
    receipt: async (id) => (id === "r-1-1" ? { id, chain: "c", records: [] } : undefined),
    tools: () =>
      ["read", "delete"].map((name) => ({
        exposed: `files__${name}`,
        target: `files/${name}`,
        declared: new Set<string>(),
      })),
    quarantined: () => [{ server: "files", name: "odd", why: "its schema is too large" }],
    items: () => [
      {
        kind: "prompt",
        server: "files",
        exposed: "files__ask",
        target: { kind: "prompt", name: "files/ask", declared: new Set<string>() },
      },
      {
        kind: "resource",
        server: "files",
        exposed: "file:///a",
        target: { kind: "resource", name: "file:///a", declared: new Set(["uri"]) },
      },
    ],
    unlisted: () => undefined,
    heldBackItems: () => [
      { kind: "template", server: "files", name: "file:///{+a}", why: '"other" has it already' },
    ],
    policy: () => loaded.value,
    reload: async (by, { dryRun }) => {
      records.push(`reload by ${by}`);
      return {
        ...{ dryRun, changed: false, servers: [], settings: [], restart: [] },
        tools: { appear: 0, appearFor: 0, go: 0, goFor: 0, ofKeys: 0, keys: 0 },
        policy: { hash: "h", files: [], rules: 0, changed: false },
      };
    },
  };
  return { admin, records, keys };
}

/** A request by the admin socket. */
export const peer: AdminPeer = { address: () => "unix", keepOpen: () => undefined };

export async function ask(
  admin: AdminPorts,
  method: string,
  path: string,
  token?: string,
  body?: unknown,
  by: AdminPeer = peer,
) {
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const text =
    body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const request = new Request(`http://localhost${path}`, { method, headers, ...text });
  const response = await createAdmin(admin).fetch(request, by);
  const said = await response.text();
  const answer = said === "" ? undefined : JSON.parse(said);
  return { status: response.status, body: answer, headers: response.headers };
}
