/**
 * URLs as the WHATWG standard reads them (P23), refused where other readers see another host:
 * control characters, spaces, backslashes and user names make the answer unknown.
 */

import { compileGlobs } from "../base/glob.ts";
import { isPrivate, parseAddress } from "./ip.ts";
import { compilePaths } from "./path.ts";
import { and, type Value, value } from "./tri.ts";

/** What a `url` operator asks for; all that is given must hold. */
export interface UrlWants {
  readonly scheme?: readonly string[];
  readonly host?: readonly string[];
  readonly port?: readonly number[];
  readonly private?: boolean;
  readonly path?: readonly string[];
}

/** Schemes whose host the standard normalises, with their default ports. */
const special: Readonly<Record<string, number>> = {
  ftp: 21,
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
};

/** Undefined: this text has no single reading. */
export function compileUrl(wants: UrlWants): (text: string) => Value | undefined {
  const { scheme, port } = wants;
  const host = wants.host === undefined ? undefined : compileGlobs(wants.host);
  const path = wants.path === undefined ? undefined : compilePaths(wants.path);
  return (text) => {
    const url = parse(text);
    if (url === undefined) return undefined;
    const name = url.protocol.slice(0, -1);
    let result: Value = scheme === undefined ? 2 : value(scheme.includes(name));
    if (path !== undefined) result = and(result, path(url.pathname));
    if (host === undefined && port === undefined && wants.private === undefined) return result;
    // Hosts of other schemes are not normalised: foo://127.1/ keeps its spelling.
    if (!Object.hasOwn(special, name)) return and(result, 1);
    const bare = hostOf(url);
    if (host !== undefined) result = and(result, value(host(bare)));
    if (port !== undefined) {
      const actual = url.port === "" ? special[name]! : Number(url.port);
      result = and(result, value(port.includes(actual)));
    }
    if (wants.private !== undefined) {
      result = and(result, value(isInner(bare) === wants.private));
    }
    return result;
  };
}

function parse(text: string): URL | undefined {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= 32 || code === 92 || (code >= 127 && code < 160)) return undefined;
  }
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return undefined;
  // `http:/host` and `http:host` are mended by the standard and read otherwise by others.
  const rest = text.slice(url.protocol.length);
  if (Object.hasOwn(special, url.protocol.slice(0, -1))) {
    return rest.startsWith("//") && rest[2] !== "/" ? noEmptyUser(url, rest) : undefined;
  }
  return url;
}

/** `http://@host/` has an empty user name that the parsed form no longer shows. */
function noEmptyUser(url: URL, rest: string): URL | undefined {
  let end = rest.length;
  for (const mark of ["/", "?", "#"]) {
    const at = rest.indexOf(mark, 2);
    if (at !== -1 && at < end) end = at;
  }
  return rest.slice(2, end).includes("@") ? undefined : url;
}

/** Without brackets and without the dot that ends a full name. */
function hostOf(url: URL): string {
  const host = url.hostname;
  if (host.startsWith("[")) return host.slice(1, -1);
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

const innerSuffixes = [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet"];

/** Not a public address, or a name that only an inner network knows. Nothing is resolved. */
function isInner(host: string): boolean {
  const address = parseAddress(host);
  if (address !== undefined) return isPrivate(address);
  return !host.includes(".") || innerSuffixes.some((suffix) => host.endsWith(suffix));
}
