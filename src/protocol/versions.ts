/** The revisions of MCP that are spoken, newest first. */

import type { Era } from "./message.ts";

export const modernRevision = "2026-07-28";
const latestLegacyRevision = "2025-11-25";

export const modernRevisions: readonly string[] = [modernRevision];
export const legacyRevisions: readonly string[] = [
  latestLegacyRevision,
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
];

/** The revision that `initialize` answers with: the one asked for, else our newest legacy one. */
export function negotiate(requested: unknown): string {
  return typeof requested === "string" && legacyRevisions.includes(requested)
    ? requested
    : latestLegacyRevision;
}

/** undefined for a revision that is not spoken. */
export function eraOf(revision: string): Era | undefined {
  if (modernRevisions.includes(revision)) return "modern";
  return legacyRevisions.includes(revision) ? "legacy" : undefined;
}
