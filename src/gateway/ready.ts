/** What /ready says: each dependency with its reason. */

import type { Readiness } from "../front/ports.ts";
import type { Parts } from "./parts.ts";

/**
 * Not ready: nobody can be let in, receipts cannot be written, or a server marked `required` is
 * away. A store that does not answer is told but is no reason: calls go on from the spool.
 */
export function readiness(parts: Parts): Readiness {
  const open = parts.config.auth === "none";
  const { source, error } = parts.access.status();
  const audit = parts.audit.status();
  const checks = [
    open
      ? { name: "keys", ok: true, reason: "auth: none, everybody is let in" }
      : { name: "keys", ok: source !== "none", reason: keysReason(source, error) },
    {
      name: "audit",
      ok: audit.broken === undefined,
      reason: audit.broken ?? "receipts are written",
    },
    ...parts.config.servers
      .filter((server) => server.required && server.enabled)
      .map(({ id }) => serverCheck(id, parts)),
  ];
  const store = audit.store.ok
    ? `${audit.store.kind} answers`
    : `${audit.store.kind} is stale: ${audit.store.error ?? "it does not answer"}`;
  return {
    ready: checks.every((check) => check.ok),
    checks: [...checks, { name: "store", ok: audit.store.ok, reason: store }],
  };
}

function keysReason(source: string, error: string | undefined): string {
  const why = error === undefined ? "" : ` (${error})`;
  if (source === "none") return `no key store and no snapshot: every key is refused${why}`;
  if (source === "snapshot") return `store stale: keys come from the snapshot in data_dir${why}`;
  return "keys are current";
}

function serverCheck(id: string, parts: Parts): { name: string; ok: boolean; reason: string } {
  const status = parts.servers.get(id)?.upstream.status();
  // It answers, but not with what its calls need: that is not ready.
  const fault = parts.catalog.listFault(id);
  const unlisted = fault?.method === "tools/list" ? fault.why : undefined;
  const ok = status?.state === "ready" && unlisted === undefined;
  const reason = status?.cause ?? unlisted ?? status?.state ?? "unknown";
  return { name: `server ${id}`, ok, reason };
}
