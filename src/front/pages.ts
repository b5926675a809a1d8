/** The few paths beside /mcp. But for /metrics they are the same for everyone: no data (O10). */

import type { HttpRequest } from "../base/http-request.ts";
import { json, keyError, plain, plainError } from "./answers.ts";
import type { FrontPorts, Readiness } from "./ports.ts";

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

/** Names of servers and how much is called: for a viewer's key and up (O10). */
export function metricsPage(
  { method, headers }: HttpRequest,
  { metrics }: Pick<FrontPorts, "metrics">,
): Response {
  if (method !== "GET" && method !== "HEAD") {
    return plainError(plain("GW_METHOD_NOT_ALLOWED"), { allow: "GET, HEAD" });
  }
  const found = metrics(headers.get("authorization"));
  if (!found.ok) return keyError(found.error);
  const type = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  return new Response(found.value, { headers: { ...noStore, ...type } });
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
