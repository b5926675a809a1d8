/** The few paths beside /mcp. They are the same for everyone: no data, no secrets (O10). */

import { json, plain, plainError } from "./answers.ts";
import type { Readiness } from "./ports.ts";

export function page(path: string, method: string, ready: () => Readiness): Response {
  if (path === "/health" || path === "/ready") {
    if (method !== "GET" && method !== "HEAD") {
      return plainError(plain("GW_METHOD_NOT_ALLOWED"), { allow: "GET, HEAD" });
    }
    return path === "/health" ? json(200, `{"status":"ok"}`, noStore) : readiness(ready());
  }
  if (isOAuthPath(path)) return plainError(plain("GW_NO_OAUTH"));
  return plainError(plain("GW_NOT_FOUND"));
}

function readiness({ ready, checks }: Readiness): Response {
  const status = ready ? "ready" : "not ready";
  const shown = checks.map(({ name, ok, reason }) => ({ name, ok, reason }));
  return json(ready ? 200 : 503, JSON.stringify({ status, checks: shown }), noStore);
}

/** Where clients look for an authorization server; they need a clear no (RFC 8414, 9728). */
function isOAuthPath(path: string): boolean {
  return (
    path === "/register" ||
    path.startsWith("/.well-known/oauth-") ||
    path.startsWith("/.well-known/openid-configuration") ||
    path.endsWith("/.well-known/openid-configuration")
  );
}

const noStore = { "cache-control": "no-store" };
