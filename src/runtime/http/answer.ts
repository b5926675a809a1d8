/** Writes a Response to a connection, as fast as its client reads. */

import { limits } from "../../base/limits.ts";
import { headText } from "./status.ts";

export interface Outlet {
  /** HTTP/1.1: knows chunks, else the end of the connection is the end of the body. */
  readonly chunks: boolean;
  /** The connection carries further requests. */
  readonly stays: boolean;
  readonly headOnly: boolean;
  readonly nowMs: number;
  /** The client left. */
  over(): boolean;
  /** False: wait for `drained` before the next. */
  write(chunk: Uint8Array | string): boolean;
  drained(): Promise<void>;
  /** The body that is being read: whoever ends the connection cancels it. */
  reads(reader: ReadableStreamDefaultReader<Uint8Array>): void;
}

/**
 * Rejects where the body does, or has another length than its header says: what was sent of it
 * cannot be taken back, so the connection has to end.
 */
export async function writeAnswer(to: Outlet, response: Response): Promise<void> {
  const { status } = response;
  const bodiless = to.headOnly || status === 204 || status === 304;
  const reader = response.body?.getReader();
  if (reader === undefined || bodiless) {
    reader?.cancel().catch(() => undefined);
    to.write(headText(response, bodiless ? "" : "content-length: 0\r\n", to));
    return;
  }
  to.reads(reader);
  const first = await reader.read();
  const rest = await short(reader, first);
  if (to.over()) return;
  if (rest.whole !== undefined) {
    const head = headText(response, `content-length: ${rest.whole.length}\r\n`, to);
    to.write(Buffer.concat([Buffer.from(head, "latin1"), rest.whole]));
    return;
  }
  const length = response.headers.get("content-length");
  const chunks = length === null && to.chunks;
  const framing = chunks ? "transfer-encoding: chunked\r\n" : "";
  let before = headText(response, length === null ? framing : `content-length: ${length}\r\n`, to);
  let left = length === null ? Number.POSITIVE_INFINITY : Number(length);
  for (let piece = rest.first; !to.over(); ) {
    left -= piece.length;
    if (left < 0) throw new Error("an answer is longer than it said");
    if (!writePiece(to, chunks, before, piece)) await to.drained();
    before = "";
    const next = await (rest.coming ?? reader.read());
    rest.coming = undefined;
    if (next.done) break;
    piece = next.value;
  }
  if (length !== null && left > 0) throw new Error("an answer is shorter than it said");
  if (chunks && !to.over()) to.write("0\r\n\r\n");
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = Awaited<ReturnType<Reader["read"]>>;

interface Rest {
  /** There is no more. */
  readonly whole?: Uint8Array;
  readonly first: Uint8Array;
  coming: Promise<Read> | undefined;
}

/**
 * Whether the first piece is all there is: then its length can be said. It is copied before more is
 * asked for (Peer.takesAtOnce); a large one is not, and not looked behind.
 */
async function short(reader: Reader, read: Read): Promise<Rest> {
  if (read.done) return { whole: nothing, first: nothing, coming: undefined };
  if (read.value.length > limits.unreadFromBytes) return { first: read.value, coming: undefined };
  const first = read.value.slice();
  const coming = reader.read();
  let ended = false;
  coming.then(
    ({ done }) => {
      ended = done;
    },
    () => undefined, // whoever awaits it learns
  );
  await nextTurn();
  return ended ? { whole: first, first, coming: undefined } : { first, coming };
}

const nothing = new Uint8Array(0);

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What is small goes out in one write; of what is large no copy is made. */
function writePiece(to: Outlet, chunks: boolean, before: string, piece: Uint8Array): boolean {
  if (piece.length === 0) return before === "" || to.write(before);
  const start = chunks ? `${before}${piece.length.toString(16)}\r\n` : before;
  const end = chunks ? "\r\n" : "";
  if (piece.length <= limits.unreadFromBytes) {
    return to.write(Buffer.concat([Buffer.from(start, "latin1"), piece, Buffer.from(end)]));
  }
  if (start !== "") to.write(start);
  const all = to.write(piece);
  return end === "" ? all : to.write(end);
}
