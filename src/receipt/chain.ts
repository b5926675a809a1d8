/** The hash chain: the preimage of model.ts, and the public ids of receipts. */

import { hash as digest } from "node:crypto";
import { putCallBody, roomFor } from "./encode.ts";
import type { CallRecord } from "./model.ts";

const domain = new TextEncoder().encode("authensor/receipt/v1\0");
const chainAt = domain.length;
const seqAt = chainAt + 16;
const prevAt = seqAt + 8;
const lengthAt = prevAt + 32;
const bodyAt = lengthAt + 8;

/** What stands where the first record of a chain has no record before it. */
export const noPrev: Uint8Array = new Uint8Array(32);

/** SHA-256 of the preimage in model.ts. chainBytes: 16, prev: 32 bytes. */
export function linkHash(
  chainBytes: Uint8Array,
  seq: number,
  prev: Uint8Array,
  body: Uint8Array,
): Uint8Array {
  const image = Buffer.alloc(bodyAt + body.length);
  image.set(domain);
  image.set(chainBytes, chainAt);
  image.set(body, bodyAt);
  return sealImage(image, seq, prev, body.length);
}

export interface Linked {
  readonly body: Uint8Array;
  readonly hash: Uint8Array;
}

/** Links one record after another without allocating: for the one writer of a chain. */
export interface Linker {
  /** Next record: takes its seq, hashes, moves on. What it gives holds until the next call. */
  link(body: string): Linked;
  /** The same for a record of a call, whose text is not made. */
  linkCall(record: CallRecord): Linked;
  /** seq of the next record. */
  readonly next: number;
  /** Hash of the last record. */
  readonly head: Uint8Array;
}

export function createLinker(chain: string, first: number, prev: Uint8Array): Linker {
  let image = Buffer.alloc(16 * 1024);
  image.set(domain);
  image.set(chainBytes(chain), chainAt);
  let head = prev;
  let next = first;
  const views = new Array<Views | undefined>(viewsKept);
  const linked: { -readonly [K in keyof Linked]: Linked[K] } = { body: noPrev, hash: prev };

  function need(bodyMost: number): void {
    const most = bodyAt + bodyMost;
    if (most <= image.length) return;
    const larger = Buffer.alloc(most * 2);
    image.copy(larger, 0, 0, bodyAt);
    image = larger;
    views.fill(undefined);
  }

  /** Bodies have few lengths, and views cost more than what is done with them. */
  function viewsOf(length: number): Views {
    const known = length < viewsKept ? views[length] : undefined;
    if (known !== undefined) return known;
    const whole = image.subarray(0, bodyAt + length);
    const made = { whole, body: whole.subarray(bodyAt) };
    if (length < viewsKept) views[length] = made;
    return made;
  }

  function seal(length: number): Linked {
    const { whole, body } = viewsOf(length);
    head = sealImage(whole, next, head, length);
    next += 1;
    linked.body = body;
    linked.hash = head;
    return linked;
  }

  return {
    link(text) {
      // A UTF-16 unit is at most 3 bytes of UTF-8.
      need(text.length * 3);
      return seal(image.write(text, bodyAt, "utf8"));
    },
    linkCall(record) {
      need(roomFor(record));
      return seal(putCallBody(record, image, bodyAt) - bodyAt);
    },
    get next() {
      return next;
    },
    get head() {
      return head;
    },
  };
}

interface Views {
  readonly whole: Buffer;
  readonly body: Buffer;
}

/** Bodies of fewer bytes: most have some hundred. */
const viewsKept = 1024;

/** `length`: of the body, with which the image ends. */
function sealImage(image: Buffer, seq: number, prev: Uint8Array, length: number): Uint8Array {
  putU64(image, seqAt, seq);
  image.set(prev, prevAt);
  putU64(image, lengthAt, length);
  return digest("sha256", image, "buffer");
}

function putU64(into: Buffer, at: number, value: number): void {
  into.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  into.writeUInt32BE(value % 0x1_0000_0000, at + 4);
}

/** The 16 bytes of a uuid. */
export function chainBytes(chain: string): Uint8Array {
  return Buffer.from(chain.replaceAll("-", ""), "hex");
}

/** A new chain's uuid (version 4) from 16 random bytes. */
export function chainFrom(random: Uint8Array): string {
  const b = Buffer.from(random.subarray(0, 16));
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40;
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80;
  const hex = b.toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}

/** `r-<12 hex of chain>-<seq of the intent>`. */
export function receiptId(chain: string, seq: number): string {
  return `r-${chainPrefix(chain)}-${seq}`;
}

export function chainPrefix(chain: string): string {
  return chain.slice(0, 8) + chain.slice(9, 13);
}

/** The chain's first 12 hex digits (see chainPrefix) and the seq; undefined when it is no id. */
export function parseReceiptId(id: string): { prefix: string; seq: number } | undefined {
  const [mark, prefix = "", digits = "", more] = id.split("-");
  if (mark !== "r" || more !== undefined || prefix.length !== 12 || digits.length > 15) {
    return undefined;
  }
  for (const c of prefix) if (!"0123456789abcdef".includes(c)) return undefined;
  const seq = Number(digits);
  return digits !== "" && String(seq) === digits && seq >= 0 ? { prefix, seq } : undefined;
}
