/**
 * Frees the memory that `bytes` are all of, if it is large, without waiting for the collector:
 * until that runs each further message would get fresh pages, which the kernel has to clear.
 * `before`: so many bytes may stand there before them, and nobody needs those.
 */
export function freeMemory(bytes: Uint8Array, before = 0): void {
  const { buffer, byteOffset, length } = bytes;
  if (length < freeFromBytes || byteOffset > before) return;
  if (buffer instanceof ArrayBuffer && byteOffset + length === buffer.byteLength) {
    buffer.transfer(0);
  }
}

/** Less comes from pages that allocators keep by themselves. */
export const freeFromBytes = 64 * 1024;
