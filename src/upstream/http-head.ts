/** The head of an HTTP response: status line and fields, and what they say of the body. */

import { HttpError } from "./http-error.ts";

/** Header fields by lower-case name; repeated ones are joined with ", " (RFC 9110, 5.3). */
export type Fields = ReadonlyMap<string, string>;

export interface Head {
  readonly status: number;
  readonly fields: Fields;
  readonly framing: "length" | "chunked" | "close";
  /** Bytes of the body when framing is "length". */
  readonly length: number;
  readonly keepAlive: boolean;
}

/** Parses the text before the empty line. Throws HttpError. */
export function parseHead(text: string): Head {
  let end = text.indexOf("\r\n");
  const status = statusOf(end < 0 ? text : text.slice(0, end));
  const fields = new Map<string, string>();
  while (end >= 0) {
    const start = end + 2;
    end = text.indexOf("\r\n", start);
    readField(end < 0 ? text.slice(start) : text.slice(start, end), fields);
  }
  const oldVersion = text.charCodeAt(7) === 0x30;
  return { status, fields, ...framingOf(status, fields), keepAlive: stays(fields, oldVersion) };
}

/** `HTTP/1.1 200 OK`. */
function statusOf(line: string): number {
  const digits = line.slice(9, 12);
  const status = Number(digits);
  const good =
    (line.startsWith("HTTP/1.1 ") || line.startsWith("HTTP/1.0 ")) &&
    digits.length === 3 &&
    Number.isInteger(status) &&
    status >= 100 &&
    status <= 599 &&
    (line.length === 12 || line[12] === " ") &&
    !hasControl(line);
  if (!good) throw new HttpError("bad status line");
  return status;
}

function readField(line: string, fields: Map<string, string>): void {
  const { name, value } = known.get(line) ?? fieldOf(line);
  const before = fields.get(name);
  if (before === undefined) fields.set(name, value);
  else if (single.has(name)) throw new HttpError(`two ${name} headers`);
  else fields.set(name, `${before}, ${value}`);
}

interface Field {
  readonly name: string;
  readonly value: string;
}

function fieldOf(line: string): Field {
  const colon = line.indexOf(":");
  if (colon <= 0) throw new HttpError("bad header field");
  const name = line.slice(0, colon).toLowerCase();
  // A space before the colon or at the start of a line is a known way to smuggle.
  if (!isToken(name)) throw new HttpError("bad header name");
  const value = line.slice(colon + 1).trim();
  if (hasControl(value)) throw new HttpError("control character in a header");
  const field = { name, value };
  if (line.length <= knownLength) {
    if (known.size >= knownMost) known.clear();
    known.set(line, field);
  }
  return field;
}

/** Servers send the same lines again and again: each is judged once. */
const known = new Map<string, Field>();
const knownMost = 64;
const knownLength = 64;

const single = new Set(["content-length", "transfer-encoding", "content-type", "mcp-session-id"]);

function framingOf(status: number, fields: Fields): Pick<Head, "framing" | "length"> {
  const length = fields.get("content-length");
  const coding = fields.get("transfer-encoding");
  if (length !== undefined && coding !== undefined) {
    throw new HttpError("both Content-Length and Transfer-Encoding");
  }
  if (status < 200 || status === 204 || status === 304) return { framing: "length", length: 0 };
  if (coding !== undefined) {
    if (coding.toLowerCase() !== "chunked") throw new HttpError("unknown Transfer-Encoding");
    return { framing: "chunked", length: 0 };
  }
  if (length === undefined) return { framing: "close", length: 0 };
  const bytes = Number(length);
  const plain = length.length > 0 && length.length <= 15 && isDigits(length);
  if (!plain) throw new HttpError("bad Content-Length");
  return { framing: "length", length: bytes };
}

function stays(fields: Fields, oldVersion: boolean): boolean {
  const connection = fields.get("connection")?.toLowerCase();
  if (connection === undefined) return !oldVersion;
  return connection === "keep-alive";
}

/** RFC 9110 token, lower case already. */
function isToken(name: string): boolean {
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    const letter = code >= 0x61 && code <= 0x7a;
    const digit = code >= 0x30 && code <= 0x39;
    if (!letter && !digit && code !== 0x2d && !tokenMarks.has(code)) return false;
  }
  return true;
}

const tokenMarks = new Set([..."!#$%&'*+.^_`|~"].map((mark) => mark.charCodeAt(0)));

function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true;
  }
  return false;
}
