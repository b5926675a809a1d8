/**
 * The head of an HTTP/1.1 request, strictly (RFC 9112): what two readers could take for two
 * different requests is refused, and its connection ends (F27).
 */

/** Lower-case names; repeated fields are joined with ", " (RFC 9110, 5.3). */
export interface Fields {
  get(name: string): string | null;
}

export interface Head {
  readonly method: string;
  /** The target as it was sent, behind the host that the client named. */
  readonly url: string;
  readonly fields: Fields;
  readonly chunked: boolean;
  /** Bytes of the body where it is not chunked. */
  readonly length: number;
  /** The connection may carry another request. */
  readonly keepAlive: boolean;
  /** HTTP/1.1: knows chunks. */
  readonly modern: boolean;
  /** It sends no body before it is told to. */
  readonly waits: boolean;
}

export interface BadHead {
  readonly status: 400 | 417 | 431 | 501 | 505;
  readonly why: string;
}

export function isBad(head: Head | BadHead): head is BadHead {
  return "why" in head;
}

/** Parses the text before the empty line. */
export function parseHead(text: string): Head | BadHead {
  const first = text.indexOf("\r\n");
  const line = first < 0 ? text : text.slice(0, first);
  const start = startOf(line);
  if ("why" in start) return start;
  const fields = new Map<string, string>();
  for (let at = first; at >= 0; ) {
    const from = at + 2;
    at = text.indexOf("\r\n", from);
    const wrong = readField(at < 0 ? text.slice(from) : text.slice(from, at), fields);
    if (wrong !== undefined) return bad(wrong);
  }
  const host = fields.get("host");
  const named = urlOf(start.target, host);
  const url = named === undefined ? undefined : resolved(named);
  if (url === undefined) return bad("bad request target");
  const framing = framingOf(fields, start.modern);
  if ("why" in framing) return framing;
  const expect = fields.get("expect");
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") {
    return { status: 417, why: "unknown Expect" };
  }
  return {
    method: start.method,
    url,
    fields: new FieldMap(fields),
    ...framing,
    keepAlive: stays(fields.get("connection"), start.modern),
    modern: start.modern,
    waits: expect !== undefined && start.modern,
  };
}

class FieldMap implements Fields {
  readonly #fields: ReadonlyMap<string, string>;
  constructor(fields: ReadonlyMap<string, string>) {
    this.#fields = fields;
  }
  get(name: string): string | null {
    return this.#fields.get(name.toLowerCase()) ?? null;
  }
}

function bad(why: string): BadHead {
  return { status: 400, why };
}

/** `POST /mcp HTTP/1.1`: one space between the parts, nothing else (RFC 9112, 3). */
function startOf(
  line: string,
): { readonly method: string; readonly target: string; readonly modern: boolean } | BadHead {
  const space = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  if (space <= 0 || last <= space + 1) return bad("bad request line");
  const method = line.slice(0, space);
  const target = line.slice(space + 1, last);
  const version = line.slice(last + 1);
  if (!isToken(method) || !isVisible(target)) return bad("bad request line");
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") {
    return version.startsWith("HTTP/")
      ? { status: 505, why: "only HTTP/1.1 is spoken here" }
      : bad("bad request line");
  }
  return { method, target, modern: version === "HTTP/1.1" };
}

/** Origin form, or absolute form that names the host that Host does (RFC 9112, 3.2). */
function urlOf(target: string, host: string | undefined): string | undefined {
  if (target.startsWith("/")) return `http://${host ?? "localhost"}${target}`;
  if (target === "*") return `http://${host ?? "localhost"}/*`;
  const authority = target.startsWith("http://") ? target.slice(7) : undefined;
  if (authority === undefined) return undefined;
  const slash = authority.indexOf("/");
  const named = slash < 0 ? authority : authority.slice(0, slash);
  if (host === undefined || named.toLowerCase() !== host.toLowerCase()) return undefined;
  return slash < 0 ? `http://${host}/` : `http://${host}${authority.slice(slash)}`;
}

/** Dot segments, encoded ones too, and backslashes, as every other runtime resolves them (F13). */
function resolved(url: string): string {
  const path = url.slice(url.indexOf("/", 7));
  if (!path.includes("\\") && !path.includes("/.") && !path.toLowerCase().includes("/%2e"))
    return url;
  return URL.parse(path, "http://localhost") === null
    ? url
    : url.slice(0, url.length - path.length) + pathOf(path);
}

function pathOf(path: string): string {
  const { pathname, search } = new URL(path, "http://localhost");
  return `${pathname}${search}`;
}

function readField(line: string, fields: Map<string, string>): string | undefined {
  const colon = line.indexOf(":");
  if (colon <= 0) return "bad header field";
  // A space before the colon or at the start of a line is a known way to smuggle.
  const name = line.slice(0, colon).toLowerCase();
  if (!isToken(name)) return "bad header name";
  const value = trimmed(line, colon + 1);
  if (!isValue(value)) return "control character in a header";
  const before = fields.get(name);
  if (before === undefined) fields.set(name, value);
  else if (once.has(name)) return `two ${name} headers`;
  else fields.set(name, `${before}, ${value}`);
  return undefined;
}

const once = new Set(["content-length", "transfer-encoding", "expect", "connection"]);

function framingOf(
  fields: ReadonlyMap<string, string>,
  modern: boolean,
): { readonly chunked: boolean; readonly length: number } | BadHead {
  const length = fields.get("content-length");
  const coding = fields.get("transfer-encoding");
  if (coding !== undefined) {
    if (length !== undefined) return bad("both Content-Length and Transfer-Encoding");
    if (!modern) return bad("Transfer-Encoding in HTTP/1.0");
    if (coding.toLowerCase() === "chunked") return { chunked: true, length: 0 };
    return { status: 501, why: "unknown Transfer-Encoding" };
  }
  if (length === undefined) return { chunked: false, length: 0 };
  if (length.length === 0 || length.length > 15 || !isDigits(length)) {
    return bad("bad Content-Length");
  }
  return { chunked: false, length: Number(length) };
}

function stays(connection: string | undefined, modern: boolean): boolean {
  if (connection === undefined) return modern;
  const said = connection.toLowerCase();
  if (said === "keep-alive") return true;
  const options = said.split(",").map((option) => option.trim());
  if (options.includes("close")) return false;
  return modern || options.includes("keep-alive");
}

/** Spaces and tabs around a value are no part of it; nothing else is cut off. */
function trimmed(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

const isBlank = (code: number) => code === 0x20 || code === 0x09;

/** RFC 9110, 5.6.2. */
function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const letter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
    const digit = code >= 0x30 && code <= 0x39;
    if (!letter && !digit && !marks.includes(text.charAt(at))) return false;
  }
  return text.length > 0;
}

const marks = "!#$%&'*+-.^_`|~";

/** Text was read as latin1, so a code is a byte: no NUL, CR, LF or other control (RFC 9110, 5.5). */
function isValue(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return false;
  }
  return true;
}

function isVisible(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return text.length > 0;
}

function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
