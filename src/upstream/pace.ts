/**
 * Progress and log messages that come faster than anybody reads them (U18). What is over the limit
 * is known by its first bytes and not read any further, so that a flood costs others little.
 */

import { Buffer } from "node:buffer";
import type { JsonObject } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { UpstreamSink } from "./upstream.ts";

/** A bucket of one call or link: limits.notesPerSecond, and as many at once. */
export interface Pace {
  left: number;
  /** Monotonic ms. */
  at: number;
}

/** What has none yet has had no notification. */
export interface Paced {
  pace: Pace | undefined;
}

/** Counts one; false when it is one too many. */
export function inPace(one: Paced, now: number, perSecond: number = limits.notesPerSecond) {
  one.pace ??= { left: perSecond, at: now };
  if (isOver(one, now, perSecond)) return false;
  one.pace.left -= 1;
  return true;
}

/** A notification of a call that was read; false when it is one too many, and was not told. */
export function tellCall(
  call: Paced & { readonly sink: UpstreamSink },
  method: string,
  params: JsonObject,
  bytes: Uint8Array | undefined,
  now: number,
): boolean {
  const fits = !isLossy(method) || inPace(call, now);
  if (fits) call.sink.notification(method, params);
  else call.sink.crowded?.(method === progress ? bytes : undefined);
  return fits;
}

/** Whether the next one is one too many. */
export function isOver({ pace }: Paced, now: number, perSecond: number = limits.notesPerSecond) {
  if (pace === undefined) return false;
  const grown = pace.left + ((now - pace.at) * perSecond) / 1000;
  pace.left = Math.min(perSecond, grown);
  pace.at = now;
  return pace.left < 1;
}

/** Notifications that may be lost; all others change something. */
export function isLossy(method: string): boolean {
  return method === progress || method === "notifications/message";
}

/** Which of them it is by its first bytes; undefined: neither, or only reading all would tell. */
export function lossyKind(bytes: Uint8Array): string | undefined {
  const method = methodOf(bytes);
  return method !== undefined && isLossy(method) ? method : undefined;
}

/** The method, where a message begins with it: what does so cannot be an answer as well. */
export function methodOf(bytes: Uint8Array): string | undefined {
  // `{"method`, `{"jsonrpc":"2.0","method`, or one of them with spaces.
  const plain = bytes[2] === letterM || bytes[18] === letterM;
  if (!plain && bytes[1] !== space && bytes[11] !== space) return undefined;
  // A flood mostly looks like this, and costs no garbage.
  for (const [kind, start] of lossyStarts) if (startsWith(bytes, start)) return kind;
  return startsWithMethod.exec(textOf(bytes.subarray(0, 96)))?.[1];
}

/** Tells a call of one that is not read; of its progress the last one is wanted. */
export function crowd(sink: UpstreamSink, kind: string, bytes: Uint8Array): void {
  sink.crowded?.(kind === progress ? bytes : undefined);
}

/** Of a progress notification that is not read: the call it names, else undefined. */
export function tokenOf(bytes: Uint8Array): number | undefined {
  const text = textOf(bytes.subarray(0, limits.noteBytes));
  const token = tokenMember.exec(text)?.[1];
  return token === undefined ? undefined : Number(token);
}

/** To read one costs several times what knowing it by its first bytes does. */
export const readFactor = 8;

const progress = "notifications/progress";
const [letterM, space] = [0x6d, 0x20];
const lossyStarts = [progress, "notifications/message"].flatMap((kind) =>
  ['{"jsonrpc":"2.0",', "{"].map(
    (start) => [kind, Buffer.from(`${start}"method":"${kind}"`)] as const,
  ),
);
const startsWithMethod =
  /^\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"method"\s*:\s*"([a-zA-Z/_]{1,64})"/;
const tokenMember = /"progressToken"\s*:\s*(\d{1,15})\b/;

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  for (let at = 0; at < start.length; at += 1) if (bytes[at] !== start[at]) return false;
  return true;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
