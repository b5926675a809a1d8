/**
 * The head of an HTTP/1.1 request, strictly (RFC 9112): what two readers could take for two
 * different requests is refused, and its connection ends (F21, F27).
 */

import type { HeaderFields } from "../../base/http-request.ts";
import { all, digit, target as targetCharacters, token, trimmed } from "./characters.ts";
import { FieldMap, readFields } from "./fields.ts";
import { isHost, urlOf } from "./target.ts";

export interface Head {
  readonly method: string;
  /** Its target, resolved, behind the host that the client named. */
  readonly url: string;
  readonly fields: HeaderFields;
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

/** One whose length may change: it is that of the request it was read of last. */
export interface ParsedHead extends Head {
  readonly fields: FieldMap;
  length: number;
}

export interface BadHead {
  readonly status: 400 | 417 | 431 | 501 | 505;
  readonly why: string;
}

export function isBad(head: Head | BadHead): head is BadHead {
  return "why" in head;
}

/** Parses the text before the empty line. */
export function parseHead(text: string): ParsedHead | BadHead {
  const first = text.indexOf("\r\n");
  const start = startOf(first < 0 ? text : text.slice(0, first));
  if ("why" in start) return start;
  const { method, target, modern } = start;
  const fields = readFields(text, first);
  if (typeof fields === "string") return bad(fields);
  const host = fields.get("host");
  if (host === undefined && modern) return bad("no Host header");
  if (host !== undefined && !isHost(host)) return bad("bad Host header");
  const url = urlOf(target, host ?? "localhost");
  if (url === undefined) return bad("bad request target");
  const framing = framingOf(fields, modern);
  if ("why" in framing) return framing;
  const options = fields.get("connection");
  const stays = options === undefined || staysAfter(options);
  if (stays === undefined) return bad("bad Connection header");
  const expect = fields.get("expect");
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") {
    return { status: 417, why: "unknown Expect" };
  }
  const { chunked, length } = framing;
  return {
    ...{ method, url, fields: new FieldMap(fields, length), chunked, length: length ?? 0 },
    // An older client may say keep-alive and mean its proxy (RFC 9112, C.2.2).
    keepAlive: stays && modern,
    modern,
    waits: expect !== undefined && modern,
  };
}

function bad(why: string): BadHead {
  return { status: 400, why };
}

interface Start {
  readonly method: string;
  readonly target: string;
  readonly modern: boolean;
}

/** `POST /mcp HTTP/1.1`: one space between the parts, nothing else (RFC 9112, 3). */
function startOf(line: string): Start | BadHead {
  const space = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  if (space <= 0 || last <= space + 1) return bad("bad request line");
  const method = line.slice(0, space);
  const target = line.slice(space + 1, last);
  const version = line.slice(last + 1);
  if (!all(method, token) || !all(target, targetCharacters)) return bad("bad request line");
  const modern = version === "HTTP/1.1";
  if (!modern && version !== "HTTP/1.0") {
    return version.startsWith("HTTP/")
      ? { status: 505, why: "only HTTP/1.1 is spoken here" }
      : bad("bad request line");
  }
  // What follows it would be no request (RFC 9110, 9.3.6).
  if (method === "CONNECT") return { status: 501, why: "CONNECT is not spoken here" };
  return { method, target, modern };
}

interface Framing {
  readonly chunked: boolean;
  readonly length: number | undefined;
}

/** RFC 9112, 6.1 and 6.3. */
function framingOf(fields: ReadonlyMap<string, string>, modern: boolean): Framing | BadHead {
  const length = fields.get("content-length");
  const coding = fields.get("transfer-encoding")?.toLowerCase();
  if (coding !== undefined) {
    if (length !== undefined) return bad("both Content-Length and Transfer-Encoding");
    if (!modern) return bad("Transfer-Encoding in HTTP/1.0");
    if (coding === "chunked") return { chunked: true, length: undefined };
    const codings = coding.split(",").map((one) => trimmed(one));
    return codings.indexOf("chunked") === codings.length - 1
      ? { status: 501, why: "unknown Transfer-Encoding" }
      : bad("bad Transfer-Encoding");
  }
  if (length === undefined) return { chunked: false, length };
  // 15 digits: no sum of bytes loses one.
  if (length.length === 0 || length.length > 15 || !all(length, digit)) {
    return bad("bad Content-Length");
  }
  return { chunked: false, length: Number(length) };
}

/** undefined: it is no list of options (RFC 9110, 7.6.1). */
function staysAfter(connection: string): boolean | undefined {
  let stays = true;
  for (const one of connection.toLowerCase().split(",")) {
    const option = trimmed(one);
    if (!all(option, token)) return undefined;
    if (option === "close") stays = false;
  }
  return stays;
}
