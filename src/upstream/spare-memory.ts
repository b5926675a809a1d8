/**
 * Memory of large answers, used again for the next ones: for fresh pages the kernel clears each
 * and maps it at the first touch, which is a tenth of what a call of a megabyte costs.
 */

import { limits } from "../base/limits.ts";

const spare: ArrayBuffer[] = [];
let kept = 0;

/** What stands in it may be of another answer: only what was written since may be read. */
export function takeMemory(length: number): Uint8Array<ArrayBuffer> {
  if (length < smallest) return Buffer.allocUnsafeSlow(length);
  // The last one given is the likeliest to be in the processor's cache.
  for (let at = spare.length - 1; at >= 0; at -= 1) {
    const memory = spare[at] as ArrayBuffer;
    if (memory.byteLength < length) continue;
    spare.splice(at, 1);
    kept -= memory.byteLength;
    return Buffer.from(memory, 0, length);
  }
  // Pages that are not written cost nothing, so a false length costs nothing.
  return Buffer.allocUnsafeSlow(length);
}

/** Every view of it is empty from here on: nobody reads there what comes next. */
export function giveMemory(memory: ArrayBuffer): void {
  if (memory.detached) return;
  const size = memory.byteLength;
  const keeps = size >= smallest && kept + size <= limits.upstreamSpareBytes;
  const own = memory.transfer(keeps ? size : 0);
  if (!keeps) return;
  spare.push(own);
  kept += size;
}

/** Less comes from pages that the allocator keeps by itself. */
const smallest = 64 * 1024;
