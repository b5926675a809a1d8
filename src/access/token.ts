/** Tokens: `agw_` and 43 characters of base64url, 32 random bytes. Only their hash is ever kept. */

import { hash } from "node:crypto";
import { isBase64Url } from "../base/hidden-keys.ts";
import type { Random } from "../base/ports.ts";

const prefix = "agw_";
const bodyChars = 43;

export function newToken(random: Random): string {
  return prefix + Buffer.from(random.bytes(32)).toString("base64url");
}

/** SHA-256 hex of the token's text. No salt: 256 random bits cannot be guessed from a hash. */
export function tokenHash(token: string): string {
  return hash("sha256", token, "hex");
}

/** The grammar, checked before anything is hashed or looked up (F7). */
export function isToken(text: string): boolean {
  if (text.length !== prefix.length + bodyChars || !text.startsWith(prefix)) return false;
  for (let at = prefix.length; at < text.length; at++) {
    if (!isBase64Url(text.charCodeAt(at))) return false;
  }
  return true;
}

/**
 * The token of an Authorization header: `Bearer <token>`, the scheme in any case, nothing else.
 * undefined for everything else, so for two headers that were joined with a comma too (F10).
 */
export function bearerToken(header: string): string | undefined {
  if (header.length !== scheme.length + prefix.length + bodyChars) return undefined;
  if (!hasScheme(header)) return undefined;
  const token = header.slice(scheme.length);
  return isToken(token) ? token : undefined;
}

/** Whether it is `Bearer <token>` at all, of this gateway's tokens or not (RFC 6750, 2.1). */
export function isBearer(header: string): boolean {
  if (header.length === scheme.length || !hasScheme(header)) return false;
  for (let at = scheme.length; at < header.length; at++) {
    if (!isBase64Url(header.charCodeAt(at)) && !".~+/=".includes(header[at]!)) return false;
  }
  return true;
}

const scheme = "bearer ";

function hasScheme(header: string): boolean {
  return header.slice(0, scheme.length).toLowerCase() === scheme;
}
