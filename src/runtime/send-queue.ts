/** What a socket did not take yet. */
export interface SendQueue {
  /** Sends or keeps all of it, a copy of what is `lent`; true while nothing is kept. */
  write(chunk: Uint8Array | string, lent?: boolean): boolean;
  /** The socket takes bytes again; true when nothing is kept any more. */
  drain(): boolean;
}

/** `take` gives the count of bytes of the chunk that the socket took, from its start. */
export function createSendQueue(take: (chunk: Uint8Array | string) => number): SendQueue {
  let kept: Uint8Array[] = [];

  function send(chunk: Uint8Array | string): Uint8Array | undefined {
    const size = typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.byteLength;
    const taken = Math.max(0, take(chunk));
    if (taken >= size) return undefined;
    return (typeof chunk === "string" ? Buffer.from(chunk) : chunk).subarray(taken);
  }

  return {
    write(chunk, lent = false) {
      const rest =
        kept.length === 0 ? send(chunk) : typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      if (rest === undefined) return true;
      kept.push(lent ? rest.slice() : rest);
      return false;
    },
    drain() {
      for (let index = 0; index < kept.length; index += 1) {
        const rest = send(kept[index] as Uint8Array);
        if (rest !== undefined) {
          kept = [rest, ...kept.slice(index + 1)];
          return false;
        }
      }
      kept = [];
      return true;
    },
  };
}
