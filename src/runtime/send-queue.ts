/** What a socket did not take yet. */
export interface SendQueue {
  /** Sends or keeps all of it; true while nothing is kept. */
  write(chunk: Uint8Array | string): boolean;
  /** The same for a part of memory that is written over then: what is kept is a copy. */
  lend(memory: Uint8Array, start: number, end: number): boolean;
  /** The socket takes bytes again; true when nothing is kept any more. */
  drain(): boolean;
  /** Nothing is kept. */
  empty(): boolean;
}

/** Gives the count of bytes that the socket took from the start, or from that of the part. */
type Take = (chunk: Uint8Array | string, start?: number, length?: number) => number;

interface Kept {
  readonly bytes: Uint8Array;
  /** Of memory that was given away the bytes are gone. */
  readonly size: number;
}

/** `spoilt`: bytes that waited are gone, so nothing more may follow on this socket (F27). */
export function createSendQueue(take: Take, spoilt: () => void): SendQueue {
  let kept: Kept[] = [];

  function keep(bytes: Uint8Array): void {
    kept.push({ bytes, size: bytes.byteLength });
  }

  function send(chunk: Uint8Array | string): Uint8Array | undefined {
    const size = typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.byteLength;
    const taken = Math.max(0, take(chunk));
    if (taken >= size) return undefined;
    return (typeof chunk === "string" ? Buffer.from(chunk) : chunk).subarray(taken);
  }

  return {
    write(chunk) {
      const rest =
        kept.length === 0 ? send(chunk) : typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      if (rest === undefined) return true;
      keep(rest);
      return false;
    },
    lend(memory, start, end) {
      // As a rule all of it is taken, and no view of it is needed.
      const taken = kept.length === 0 ? Math.max(0, take(memory, start, end - start)) : 0;
      if (taken >= end - start) return true;
      // The `slice` of a Buffer is no copy.
      keep(new Uint8Array(memory.subarray(start + taken, end)));
      return false;
    },
    drain() {
      for (let index = 0; index < kept.length; index += 1) {
        const { bytes, size } = kept[index] as Kept;
        if (bytes.byteLength !== size) {
          spoilt();
          return false;
        }
        const rest = send(bytes);
        if (rest !== undefined) {
          kept = [{ bytes: rest, size: rest.byteLength }, ...kept.slice(index + 1)];
          return false;
        }
      }
      kept = [];
      return true;
    },
    empty: () => kept.length === 0,
  };
}
