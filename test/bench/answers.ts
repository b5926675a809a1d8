/** Reads HTTP/1.1 answers off a socket for the load generator: whole answers, nothing else. */

export interface Answer {
  readonly status: number;
  readonly bodyBytes: number;
  /** First 500 and last 300 bytes of the body, as latin1. */
  readonly start: string;
  readonly end: string;
}

/** Give it every chunk of one connection; it calls back once per answer. */
export function answerReader(take: (answer: Answer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let head: Head | undefined;
  let received = 0;
  return (chunk) => {
    chunks.push(chunk);
    received += chunk.length;
    if (head === undefined) {
      // A head split over packets is rare; joining what there is costs nothing otherwise.
      if (chunks.length > 1) chunks = [Buffer.concat(chunks)];
      head = readHead(chunks[0] as Buffer);
      if (head === undefined) return;
    }
    if (head.length === undefined ? !chunkedEnd(chunks) : received < head.bytes + head.length) {
      return;
    }
    const answer = whole(head, chunks, received);
    chunks = [];
    head = undefined;
    received = 0;
    take(answer);
  };
}

interface Head {
  readonly status: number;
  /** Of the head itself. */
  readonly bytes: number;
  /** Of the body; undefined: chunked. */
  readonly length: number | undefined;
}

function readHead(buffer: Buffer): Head | undefined {
  const end = buffer.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const text = buffer.toString("latin1", 0, end).toLowerCase();
  const status = Number(text.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/.exec(text)?.[1];
  if (length !== undefined) return { status, bytes: end + 4, length: Number(length) };
  if (!text.includes("\r\ntransfer-encoding: chunked")) {
    return { status, bytes: end + 4, length: 0 };
  }
  return { status, bytes: end + 4, length: undefined };
}

/** JSON and event streams never hold this sequence, so it is the last chunk. */
function chunkedEnd(chunks: readonly Buffer[]): boolean {
  const tail = Buffer.concat(chunks.slice(-2)).toString("latin1");
  return tail.endsWith("\r\n0\r\n\r\n");
}

function whole(head: Head, chunks: readonly Buffer[], received: number): Answer {
  if (head.length === undefined) {
    const body = unchunk(Buffer.concat(chunks).subarray(head.bytes));
    return { status: head.status, bodyBytes: body.length, ...ends([body], 0) };
  }
  return { status: head.status, bodyBytes: received - head.bytes, ...ends(chunks, head.bytes) };
}

function ends(chunks: readonly Buffer[], skip: number): { start: string; end: string } {
  const first = chunks.length > 1 ? Buffer.concat(chunks.slice(0, 2)) : (chunks[0] as Buffer);
  const last = chunks.length > 1 ? Buffer.concat(chunks.slice(-2)) : first;
  return {
    start: first.toString("latin1", skip, skip + 500),
    end: last.toString("latin1", Math.max(0, last.length - 300)),
  };
}

function unchunk(buffer: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = buffer.indexOf("\r\n", at);
    const size = Number.parseInt(buffer.toString("latin1", at, line), 16);
    if (line === -1 || !(size > 0)) return Buffer.concat(parts);
    parts.push(buffer.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
