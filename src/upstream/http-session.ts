/**
 * Does this refusal say that the session is unknown? 404 does by the spec; server-everything
 * answers 400 with the first text, an SDK transport of another process with the second.
 */
export function sessionLost(status: number, body: Uint8Array): boolean {
  if (status === 404 || status === 410) return true;
  if (status !== 400) return false;
  const text = Buffer.from(body).toString("latin1");
  return text.includes("No valid session ID") || text.includes("Server not initialized");
}

/** Does a server that was asked without a session want one? Only those before 2026-07-28 do. */
export function wantsSession(status: number, body: Uint8Array): boolean {
  if (sessionLost(status, body)) return true;
  if (status !== 400) return false;
  const text = Buffer.from(body).toString("latin1");
  return text.includes("Mcp-Session-Id") || text.includes("Unsupported protocol version");
}
