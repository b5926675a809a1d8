/** Bytes that come in pieces and are wanted as one, joined once and not again and again (U13). */

export interface Gathered {
  readonly size: number;
  /** The piece is kept, not copied. */
  add(piece: Uint8Array): void;
  /** All of them as one, the very piece where there is only one; then there is none. */
  take(): Uint8Array;
  /** They are not wanted. */
  clear(): void;
}

/** Pieces of one byte each would cost a view each, 100 bytes: so many are copied into one. */
const piecesOfBlock = 512;

export function createGathered(): Gathered {
  let blocks: Uint8Array[] = [];
  let pieces: Uint8Array[] = [];
  let size = 0;
  function clear(): void {
    blocks = [];
    pieces = [];
    size = 0;
  }
  return {
    get size() {
      return size;
    },
    add(piece) {
      pieces.push(piece);
      size += piece.length;
      if (pieces.length < piecesOfBlock) return;
      blocks.push(Buffer.concat(pieces));
      pieces = [];
    },
    take() {
      const all = blocks.length === 0 ? pieces : [...blocks, ...pieces];
      clear();
      return all.length === 1 ? (all[0] as Uint8Array) : Buffer.concat(all);
    },
    clear,
  };
}
