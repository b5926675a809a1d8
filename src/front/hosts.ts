/** Which Host and Origin headers are ours (F1 to F3). */

export type HostVerdict = "ours" | "foreign" | "malformed";

export interface HostGuard {
  /** malformed: missing, more than one, or not host[:port]. Never says why beyond that. */
  host(header: string | null): HostVerdict;
  /** An absent Origin is no browser's and passes; anything but an http(s) origin of ours is not. */
  origin(header: string | null): boolean;
  /** Another object when what is ours may be something else than it was. */
  state(): object;
}

/** `hosts` and `ports` may change. */
export function createHostGuard(
  hosts: () => readonly string[],
  ports: readonly number[],
): HostGuard {
  let exact = loopbackNames(ports);
  let known = ports.length;
  let of = hosts();
  let names = namesOf(of);

  function update(): void {
    if (hosts() === of && ports.length === known) return;
    of = hosts();
    names = namesOf(of);
    known = ports.length;
    exact = loopbackNames(ports);
  }

  function verdict(text: string): HostVerdict {
    update();
    if (exact.has(text)) return "ours";
    const parts = splitHost(text);
    if (parts === undefined) return "malformed";
    const lower = text.toLowerCase();
    return exact.has(lower) || names.has(parts.name.toLowerCase()) ? "ours" : "foreign";
  }
  return {
    state() {
      update();
      return exact;
    },
    host: (header) => (header === null ? "malformed" : verdict(header)),
    origin(header) {
      if (header === null) return true;
      for (const scheme of ["http://", "https://"]) {
        if (header.startsWith(scheme)) return verdict(header.slice(scheme.length)) === "ours";
      }
      return false;
    },
  };
}

function namesOf(hosts: readonly string[]): ReadonlySet<string> {
  return new Set(hosts.map((host) => host.toLowerCase()));
}

function loopbackNames(ports: readonly number[]): Set<string> {
  const names = new Set<string>();
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
    for (const port of ports) {
      names.add(`${host}:${port}`);
      // A client leaves out the default port of its scheme.
      if (port === 80 || port === 443) names.add(host);
    }
  }
  return names;
}

/** RFC 9112 3.2: uri-host [":" port], and nothing that a URL would read otherwise (F2, F3). */
function splitHost(text: string): { name: string; port: string } | undefined {
  const literal = text.startsWith("[") ? text.indexOf("]") + 1 : 0;
  const colon = text.indexOf(":", literal);
  const name = colon === -1 ? text : text.slice(0, colon);
  const port = colon === -1 ? "" : text.slice(colon + 1);
  if (text.startsWith("[")) {
    if (literal === 0 || name.length !== literal || !all(name.slice(1, -1), isHexOrColon)) return;
  } else if (!all(name, isHostCharacter)) return;
  if (name === "" || port.length > 5 || (colon !== -1 && port === "") || !all(port, isDigit))
    return;
  return { name, port };
}

function all(text: string, is: (code: number) => boolean): boolean {
  for (let at = 0; at < text.length; at++) if (!is(text.charCodeAt(at))) return false;
  return true;
}

const isDigit = (code: number) => code >= 48 && code <= 57;
const isHexOrColon = (code: number) =>
  isDigit(code) || code === 58 || ((code | 32) >= 97 && (code | 32) <= 102);
/** Letters, digits, "-", "." and "_" (which container names have). */
const isHostCharacter = (code: number) =>
  isDigit(code) || code === 45 || code === 46 || code === 95 || isLetter(code);
const isLetter = (code: number) => (code | 32) >= 97 && (code | 32) <= 122;
