/** Content-Type and Accept, as far as MCP needs them. */

/** What an answer may be: both keeps the choice with us. */
export type Accepts = "both" | "json" | "events" | "none";

/**
 * True for exactly application/json; parameters are allowed when well formed, a charset must be
 * utf-8 (F4, P11). A doubled header arrives joined by a comma and is refused.
 */
export function isJson(contentType: string | null): boolean {
  if (contentType === "application/json") return true;
  if (contentType === null || contentType.includes(",")) return false;
  const [type, ...parameters] = contentType.split(";");
  if (type?.trim().toLowerCase() !== "application/json") return false;
  return parameters.every((parameter) => {
    const [name, value, ...more] = parameter.trim().split("=");
    if (!name || !value || more.length > 0) return false;
    return name.toLowerCase() !== "charset" || isUtf8(value);
  });
}

function isUtf8(charset: string): boolean {
  const bare = charset.startsWith('"') && charset.endsWith('"') ? charset.slice(1, -1) : charset;
  return bare.toLowerCase() === "utf-8";
}

/**
 * A header that does not name text/event-stream gets JSON only, even if a wildcard covers it:
 * curl and simple clients send that and cannot read a stream. No header: anything, so JSON.
 */
export function accepts(header: string | null): Accepts {
  if (header === common || header === commonTurned) return "both";
  if (header === null) return "json";
  let json = false;
  let events = false;
  for (const range of header.split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    if (parameters.some(isZero)) continue;
    if (type === "application/json" || type === "application/*" || type === "*/*") json = true;
    if (type === "text/event-stream") events = true;
  }
  if (json) return events ? "both" : "json";
  return events ? "events" : "none";
}

const common = "application/json, text/event-stream";
const commonTurned = "text/event-stream, application/json";

/** A weight of zero means "not this", RFC 9110 12.4.2. */
function isZero(parameter: string): boolean {
  return parameter.startsWith("q=") && Number(parameter.slice(2)) === 0;
}
