/**
 * Events of legacy streams that their client may ask for again (2025-11-25, resumability). What is
 * kept is bounded by session, by key and in all: who fills one of them loses its own oldest (R6).
 */

import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import type { Channel } from "./channel.ts";

/** All that is kept. */
export interface Replay {
  readonly clock: Clock;
  readonly random: Random;
  bytes: number;
  readonly byKey: Map<string, number>;
  /** Sessions that have channels. */
  readonly shelves: Set<Shelf>;
}

/** What is kept for one session. */
export interface Shelf {
  readonly replay: Replay;
  readonly keyId: string;
  /** In every event id: those of another session, gateway or start name nothing here (F14). */
  readonly nonce: string;
  readonly channels: Map<number, Channel>;
  /** Oldest first. */
  readonly kept: Set<KeptEvent>;
  bytes: number;
  lastNo: number;
}

export interface KeptEvent {
  readonly channel: Channel;
  readonly seq: number;
  readonly event: string | Uint8Array<ArrayBuffer>;
  readonly size: number;
  /** Monotonic ms. */
  readonly at: number;
  /** Without it the stream is of no use to anyone. */
  readonly last: boolean;
}

export function createReplay(clock: Clock, random: Random): Replay {
  return { clock, random, bytes: 0, byKey: new Map(), shelves: new Set() };
}

export function createShelf(replay: Replay, keyId: string): Shelf {
  const nonce = Buffer.from(replay.random.bytes(nonceBytes)).toString("base64url");
  const shelf = { replay, keyId, nonce, channels: new Map(), kept: new Set<KeptEvent>() };
  return { ...shelf, bytes: 0, lastNo: 0 };
}

const nonceBytes = 12;

export function shelve(shelf: Shelf, channel: Channel): void {
  shelf.channels.set(channel.no, channel);
  shelf.replay.shelves.add(shelf);
}

/** Whether it is kept; what is larger than the bounds is not. */
export function keep(shelf: Shelf, event: Omit<KeptEvent, "at" | "size">): boolean {
  const size = event.event.length + eventCost;
  if (size > limits.eventBytesPerSession) return false;
  while (!fits(shelf, size)) {
    const [oldest] = shelf.kept;
    // Other sessions have it all: theirs is not ours to drop.
    if (oldest === undefined) return false;
    drop(shelf, oldest);
  }
  // Dropping may have ended the channel itself.
  if (!shelf.channels.has(event.channel.no)) return false;
  const kept: KeptEvent = { ...event, size, at: shelf.replay.clock.mono() };
  shelf.kept.add(kept);
  event.channel.events.push(kept);
  count(shelf, size);
  return true;
}

/** What its client did not come back for in time. */
export function sweepReplay(replay: Replay, now: number): void {
  const eldest = now - limits.eventKeepMs;
  for (const shelf of replay.shelves) {
    for (const kept of shelf.kept) {
      if (kept.at > eldest) break;
      drop(shelf, kept);
    }
    for (const channel of shelf.channels.values()) {
      if (channel.awaySince !== undefined && channel.awaySince <= eldest) channel.abandon();
    }
  }
}

export function forgetChannel(shelf: Shelf, channel: Channel): void {
  if (shelf.channels.get(channel.no) !== channel) return;
  shelf.channels.delete(channel.no);
  for (const kept of channel.events.splice(0)) {
    if (shelf.kept.delete(kept)) count(shelf, -kept.size);
  }
  if (shelf.channels.size === 0) shelf.replay.shelves.delete(shelf);
}

/** The session is over. */
export function clearShelf(shelf: Shelf): void {
  for (const channel of [...shelf.channels.values()]) forgetChannel(shelf, channel);
}

/** What one event costs beside its text. */
const eventCost = 256;

function fits(shelf: Shelf, size: number): boolean {
  const { replay, keyId } = shelf;
  return (
    shelf.kept.size < limits.eventsPerSession &&
    shelf.bytes + size <= limits.eventBytesPerSession &&
    (replay.byKey.get(keyId) ?? 0) + size <= limits.eventBytesPerKey &&
    replay.bytes + size <= limits.eventBytes
  );
}

/** The oldest of its shelf, so the oldest of its channel too. */
function drop(shelf: Shelf, kept: KeptEvent): void {
  if (!shelf.kept.delete(kept)) return;
  count(shelf, -kept.size);
  const { channel } = kept;
  channel.events.shift();
  if (kept.last || (channel.over && channel.events.length === 0)) forgetChannel(shelf, channel);
}

function count(shelf: Shelf, bytes: number): void {
  const { replay, keyId } = shelf;
  shelf.bytes += bytes;
  replay.bytes += bytes;
  const own = (replay.byKey.get(keyId) ?? 0) + bytes;
  if (own === 0) replay.byKey.delete(keyId);
  else replay.byKey.set(keyId, own);
}
