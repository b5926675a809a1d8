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

const lastChunk = "\r\n0\r\n\r\n";

/**
 * JSON and event streams never hold this sequence, so it is the last chunk. It may come in as many
 * packets as it has bytes.
 */
function chunkedEnd(chunks: readonly Buffer[]): boolean {
  return last(chunks, lastChunk.length) === lastChunk;
}

function whole(head: Head, chunks: readonly Buffer[], received: number): Answer {
  if (head.length === undefined) {
    const body = unchunk(Buffer.concat(chunks).subarray(head.bytes));
    return { status: head.status, bodyBytes: body.length, ...ends([body], 0) };
  }
  return { status: head.status, bodyBytes: received - head.bytes, ...ends(chunks, head.bytes) };
}

function ends(chunks: readonly Buffer[], skip: number): { start: string; end: string } {
  return {
    start: first(chunks, skip + 500).slice(skip),
    end: last(chunks, 300),
  };
}

/** So many bytes, of as many chunks as it takes, as latin1; fewer only where there are fewer. */
function first(chunks: readonly Buffer[], bytes: number): string {
  let text = "";
  for (let at = 0; at < chunks.length && text.length < bytes; at += 1) {
    text += (chunks[at] as Buffer).toString("latin1", 0, bytes - text.length);
  }
  return text;
}

function last(chunks: readonly Buffer[], bytes: number): string {
  let text = "";
  for (let at = chunks.length - 1; at >= 0 && text.length < bytes; at -= 1) {
    const chunk = chunks[at] as Buffer;
    text = chunk.toString("latin1", Math.max(0, chunk.length - bytes + text.length)) + text;
  }
  return text;
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
