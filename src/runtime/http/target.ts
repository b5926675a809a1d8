/** What a request is for: its target and Host as one URL. */

import { address, all, digit, hostName, plain } from "./characters.ts";

/**
 * Origin form, or absolute form that names the host that Host does (RFC 9112, 3.2). Path and query
 * are as `new URL` gives them, as on every other runtime: dot segments, also encoded ones, are
 * resolved, a backslash is a slash (F13). `host` was checked: nothing in it moves the path (F3).
 */
export function urlOf(target: string, host: string): string | undefined {
  const path = target.startsWith("/") ? target : pathOfAbsolute(target, host);
  if (path === undefined) return undefined;
  if (all(path, plain)) return `http://${host}${path}`;
  const resolved = URL.parse(`${anywhere}${path}`);
  return resolved === null ? undefined : `http://${host}${resolved.href.slice(anywhere.length)}`;
}

const anywhere = "http://h";

function pathOfAbsolute(target: string, host: string): string | undefined {
  if (!target.startsWith("http://")) return undefined;
  const slash = target.indexOf("/", 7);
  const named = slash < 0 ? target.slice(7) : target.slice(7, slash);
  if (named.toLowerCase() !== host.toLowerCase()) return undefined;
  return slash < 0 ? "/" : target.slice(slash);
}

/** A name or an address, and perhaps a port (RFC 9112, 3.2), that a URL can have. */
export function isHost(host: string): boolean {
  if (host === usual) return true;
  const literal = host.startsWith("[");
  const colon = host.indexOf(":", literal ? host.indexOf("]") : 0);
  const name = colon < 0 ? host : host.slice(0, colon);
  if (!all(name, literal ? address : hostName)) return false;
  if (colon >= 0 && (colon === host.length - 1 || !all(host.slice(colon + 1), digit))) return false;
  // No name, other brackets, too large a port. What could move the path is refused by now.
  if (!URL.canParse(`http://${host}/`)) return false;
  usual = host;
  return true;
}

/** The last good one: nearly all requests have the same. */
let usual = "localhost";
