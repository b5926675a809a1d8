/** The small grammars of config values: durations, sizes, addresses, host names. */

/** `500ms 30s 5m 24h 90d` as ms; undefined when it is none. */
export function durationMs(text: string): number | undefined {
  return counted(text, { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 });
}

/** `64KiB 4MiB 10GiB` as bytes; undefined when it is none. */
export function sizeBytes(text: string): number | undefined {
  return counted(text, { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 });
}

function counted(text: string, units: Readonly<Record<string, number>>): number | undefined {
  let digits = 0;
  while (digits < text.length && isDigit(text.charCodeAt(digits))) digits++;
  const unit = text.slice(digits);
  if (digits === 0 || !Object.hasOwn(units, unit)) return undefined;
  const value = Number(text.slice(0, digits)) * units[unit]!;
  return Number.isSafeInteger(value) ? value : undefined;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

export interface Address {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `localhost:3100`, `127.0.0.1:0`, `[::1]:3100`, `:3100` and `3100` (both localhost). */
export function parseAddress(text: string): Address | undefined {
  const colon = text.lastIndexOf(":");
  const port = portNumber(text.slice(colon + 1));
  if (port === undefined) return undefined;
  const before = text.slice(0, Math.max(colon, 0));
  if (before === "") return { host: "localhost", port };
  if (before.startsWith("[") && before.endsWith("]")) {
    const host = before.slice(1, -1).toLowerCase();
    return host.includes(":") && !host.includes("%") ? { host, port } : undefined;
  }
  return isHostName(before) ? { host: before.toLowerCase(), port } : undefined;
}

function portNumber(text: string): number | undefined {
  if (text === "" || text.length > 5) return undefined;
  for (let at = 0; at < text.length; at++) if (!isDigit(text.charCodeAt(at))) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

/** Letters, digits, dots and hyphens: a DNS name or an IPv4 address, without port. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text);
}

/** Whether only this machine can reach an address (F5). */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
