/** An HTTP/1.1 request, its header built from nothing but what is given (F26, F27). */

import { ByteWriter, digitsOf } from "../base/byte-writer.ts";
import { fault } from "../base/errors.ts";
import type { Pieces } from "../protocol/message.ts";
import type { Connection } from "../runtime/runtime.ts";

export type Header = readonly (readonly [string, string])[];

/** Everything of the head that does not change between requests, ending in a line break. */
export function fixedHead(method: string, url: URL, header: Header): string {
  const target = `${url.pathname}${url.search}`;
  return `${method} ${target} HTTP/1.1\r\nHost: ${url.host}\r\n${headerText(header)}`;
}

/** Refuses what could end a field or smuggle another one, whoever made it. */
export function headerText(header: Header): string {
  let text = "";
  for (const [name, value] of header) {
    if (!isToken(name) || !isFieldValue(value)) {
      throw fault("GW_HEADER", { message: `The header "${printable(name)}" cannot be sent` });
    }
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** A request as it waits for a connection: what is small is made bytes when it is sent. */
export interface OutgoingRequest {
  /** fixedHead plus headerText. */
  readonly headText: string;
  /** undefined: a request without any, as GET is. */
  readonly body: Pieces | undefined;
  /** JSON text that stands around `body`; beside it, as joining them costs a list a call. */
  readonly opening?: string;
  /** Where there is `between`: it stands behind `opening`, and `between` behind it. */
  readonly id?: number;
  readonly between?: string;
  readonly closing?: string;
  /** Who is told when nothing of `body` is needed any more; not where that is unknown. */
  readonly of?: Written | undefined;
}

interface Written {
  written?(): void;
}

type Socket = Pick<Connection, "write" | "lend" | "takesAtOnce">;

/** Heads and bodies up to this size go out in one write. */
const oneWrite = 64 * 1024;
/** Of a larger body: smaller pieces are copied. */
const smallPiece = 4 * 1024;
/** Written over by each request: a socket has taken or copied it when `lend` returns. */
const scratch = Buffer.allocUnsafeSlow(oneWrite);
/**
 * What stands in `scratch`: a head, from where, and the opening of a body, up to where. The next
 * request mostly has the same.
 */
let standing: string | undefined;
let standsAt = 0;
let standingOpening = "";
let openingEnd = 0;

export function sendRequest(request: OutgoingRequest, to: Socket): void {
  const { headText, body, opening = "", between = "", closing = "" } = request;
  if (body === undefined) {
    const whole = `${headText}\r\n`;
    standing = undefined;
    if (whole.length > oneWrite) to.write(Buffer.from(whole, "latin1"));
    else to.lend(scratch, 0, scratch.write(whole, 0, "latin1"));
    return;
  }
  const around = opening.length + between.length + closing.length;
  const units = headText.length + (around + unitsOf(body)) * 3;
  if (units < oneWrite - 2 * lengthRoom) sendAtOnce(request, body, to);
  else {
    const id = between === "" ? "" : `${request.id}${between}`;
    sendLarge(headText, [opening, id, ...body, closing], request.of, to);
  }
}

function sendLarge(headText: string, body: Pieces, of: Written | undefined, to: Socket): void {
  const size = sizeOf(body);
  const whole = `${headText}Content-Length: ${size}\r\n\r\n`;
  standing = undefined;
  let taken = true;
  let end = 0;
  const lend = (): void => {
    if (end > 0) taken = to.lend(scratch, 0, end);
    end = 0;
  };
  // A head is Latin-1, so it has as many bytes as characters.
  if (whole.length <= oneWrite) end = scratch.write(whole, 0, "latin1");
  else taken = to.write(Buffer.from(whole, "latin1"));
  // What is small goes with its neighbours: each write of its own is a packet and wakes a reader.
  for (const piece of body) {
    const bytes = typeof piece === "string" ? Buffer.byteLength(piece) : piece.byteLength;
    if (end + bytes > oneWrite) lend();
    if (bytes > smallPiece && size > oneWrite) {
      lend();
      taken = to.write(piece);
    } else end += typeof piece === "string" ? putText(piece, end) : putBytes(piece, end);
  }
  lend();
  // A queue that keeps a piece keeps all that come after it.
  if (taken && to.takesAtOnce === true) of?.written?.();
}

/** The body first, as its length stands before it: the head is put in front of it. */
function sendAtOnce(
  { headText, opening = "", id = 0, between = "", closing = "" }: OutgoingRequest,
  body: Pieces,
  to: Socket,
): void {
  const from = headText.length + lengthRoom;
  const same = headText === standing;
  standing = undefined;
  if (!same || opening !== standingOpening) openingEnd = from + putText(opening, from);
  let end = openingEnd;
  if (between !== "") {
    writer.begin(scratch, end);
    writer.number(id);
    writer.plain(between);
    end = writer.end;
  }
  // Not one function for both: the compiler takes the type that it saw first for the only one.
  for (const piece of body) {
    end += typeof piece === "string" ? putText(piece, end) : putBytes(piece, end);
  }
  end += putText(closing, end);
  // A head is Latin-1, so it has as many bytes as characters.
  const start = from - headText.length - lengthName.length - digitsOf(end - from) - 4;
  if (!same || start !== standsAt) scratch.write(headText, start, "latin1");
  writer.begin(scratch, start + headText.length);
  writer.plain(lengthName);
  writer.number(end - from);
  writer.plain("\r\n\r\n");
  standing = headText;
  standsAt = start;
  standingOpening = opening;
  to.lend(scratch, start, end);
}

/** At this place of `scratch`: how many bytes. Handing a short text over costs more than it. */
function putText(text: string, at: number): number {
  if (text.length > 64) return scratch.write(text, at, "utf8");
  let index = 0;
  for (; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return scratch.write(text, at, "utf8");
    scratch[at + index] = code;
  }
  return index;
}

function putBytes(bytes: Uint8Array, at: number): number {
  scratch.set(bytes, at);
  return bytes.byteLength;
}

const writer = new ByteWriter();
const lengthName = "Content-Length: ";
/** For `Content-Length: 65536` and two line breaks; and in a body, for an id. */
const lengthRoom = 32;

/** UTF-16 units of the text and bytes of the rest. */
function unitsOf(body: Pieces): number {
  let units = 0;
  for (const piece of body) units += piece.length;
  return units;
}

function sizeOf(body: Pieces): number {
  let size = 0;
  for (const piece of body) {
    size += typeof piece === "string" ? Buffer.byteLength(piece) : piece.byteLength;
  }
  return size;
}

function isToken(name: string): boolean {
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    const letter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    const digit = code >= 0x30 && code <= 0x39;
    if (!letter && !digit && !"!#$%&'*+-.^_`|~".includes(name[at] as string)) return false;
  }
  return name.length > 0;
}

function isFieldValue(value: string): boolean {
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if ((code < 0x20 && code !== 0x09) || code > 0x7e) return false;
  }
  return true;
}

function printable(name: string): string {
  return isFieldValue(name) ? name : "(unprintable)";
}
