/**
 * Memory of large messages, used again for the next ones: for fresh pages the kernel clears each
 * and maps it at the first touch, which is a tenth of what a call of a megabyte costs.
 */

import { freeFromBytes, freeMemory } from "./free-memory.ts";
import { limits } from "./limits.ts";

const spare: ArrayBuffer[] = [];
/** Given out, and for how many bytes. */
const taken = new WeakMap<ArrayBuffer, number>();
let kept = 0;
/** Of `kept`, what nobody took since `dropUnused` was last called. */
let unused = 0;

/**
 * What stands in it may be of another answer: only what was written since may be read. Before and
 * after large memory there is room for an envelope, so that an answer need not be copied into one.
 */
export function takeMemory(length: number): Uint8Array<ArrayBuffer> {
  if (length < smallest) return Buffer.allocUnsafeSlow(length);
  // Rounded, as the next answer is often a few bytes longer.
  const size = Math.ceil((length + 2 * envelope) / smallest) * smallest;
  // The last one given is the likeliest to be in the processor's cache.
  for (let at = spare.length - 1; at >= 0; at -= 1) {
    const memory = spare[at] as ArrayBuffer;
    // A slow reader would hold what is much larger, and be counted for its own bytes only (R7).
    if (memory.byteLength < size || memory.byteLength > size * 1.25) continue;
    spare.splice(at, 1);
    kept -= memory.byteLength;
    unused = Math.min(unused, kept);
    return given(memory, length);
  }
  // Pages that are not written cost nothing, so a false length costs nothing.
  return given(Buffer.allocUnsafeSlow(size).buffer, length);
}

function given(memory: ArrayBuffer, length: number): Uint8Array<ArrayBuffer> {
  taken.set(memory, length);
  return Buffer.from(memory, envelope, length);
}

/**
 * What nobody reads any more, whether it is from here or not. Only all of it: of a part, as one
 * call of a batch is, nobody knows who reads the rest.
 */
export function giveBytes(bytes: Uint8Array): void {
  const { buffer, byteOffset, length } = bytes;
  const whole = buffer instanceof ArrayBuffer ? taken.get(buffer) : undefined;
  if (whole === undefined) freeMemory(bytes);
  else if (byteOffset === envelope && length === whole) giveMemory(buffer as ArrayBuffer);
}

/** Every view of it is empty from here on: nobody reads there what comes next. */
export function giveMemory(memory: ArrayBuffer): void {
  if (memory.detached) return;
  const size = memory.byteLength;
  const keeps = size >= smallest && size <= limits.upstreamSpareBytes;
  const own = memory.transfer(keeps ? size : 0);
  if (!keeps) return;
  // Those that nobody took for the longest time may be too small for what comes now.
  while (kept + size > limits.upstreamSpareBytes) dropOldest();
  spare.push(own);
  kept += size;
}

/** Frees what was not used since the last time; how many bytes are still kept. */
export function dropUnused(): number {
  const most = kept - unused;
  while (kept > most) dropOldest();
  unused = kept;
  return kept;
}

function dropOldest(): void {
  const memory = spare.shift();
  if (memory === undefined) return;
  kept -= memory.byteLength;
  unused = Math.min(unused, kept);
  memory.transfer(0);
}

const smallest = freeFromBytes;
/** Room for a JSON-RPC envelope with the longest id. */
const envelope = 1024;
