/**
 * Files are for what the gateway needs itself first: its spool, its store, its servers, its admin
 * socket. Who connects when nine of ten are in use gets the place of the connection that has said
 * nothing for longest; where there is none, it is turned away. Who has sent anything stays (R8).
 */

import { catalogue } from "../../base/error-codes.ts";
import { limits } from "../../base/limits.ts";

export interface Guest {
  terminate(): void;
}

export interface Room {
  /** False: there is no place for it. `handle`: of its file, the lowest that was free. */
  enter(guest: Guest, handle: number): boolean;
  leave(guest: Guest): void;
  /** How many were ended for want of files since this was asked last. */
  ended(): Ended;
}

export interface Ended {
  /** Had sent nothing. */
  readonly silent: number;
  /** Came when nobody was silent. */
  readonly turnedAway: number;
}

export interface RoomPorts {
  mono(): number;
  /** Of files; null where nobody says: then there is room for all. */
  limit(): number | null;
  /** Something came over it, read or not; true where nobody can tell. */
  hasSent(handle: number): boolean;
}

export function createRoom({ mono, limit, hasSent }: RoomPorts): Room {
  /** With their handles, the oldest first. Some spoke since: seen when another needs a place. */
  const guests = new Map<Guest, number>();
  let silent = 0;
  let turnedAway = 0;
  let most = Number.POSITIVE_INFINITY;
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** How many too many there are with this one. The limit can be changed while the gateway runs. */
  function over(handle: number): number {
    if (handle < limits.handlesSurelyFree) return 0;
    const now = mono();
    if (now - lookedAt >= limits.handlesLookMs) {
      lookedAt = now;
      // Nobody says when no file is left either: what was known last holds.
      most = limit() ?? most;
    }
    // Lower numbers are all taken, or this one were lower.
    return Math.max(0, handle + 1 - Math.floor(most * limits.handlesShare));
  }

  function endSilent(): boolean {
    for (const [guest, handle] of guests) {
      guests.delete(guest);
      if (hasSent(handle)) continue;
      silent += 1;
      guest.terminate();
      return true;
    }
    return false;
  }

  return {
    enter(guest, handle) {
      let many = over(handle);
      while (many > 0 && endSilent()) many -= 1;
      // Who comes to a gap is not seen to be too many, so that one here may stay one too many.
      if (many > 0 || handle >= most * limits.handlesLastShare) {
        turnedAway += 1;
        return false;
      }
      guests.set(guest, handle);
      return true;
    },
    leave(guest) {
      guests.delete(guest);
    },
    ended() {
      const ended = { silent, turnedAway };
      silent = 0;
      turnedAway = 0;
      return ended;
    },
  };
}

/** What is sent to who is turned away: nothing of its request was read. */
export const noRoom = answer();

function answer(): string {
  const code = "GW_FILE_HANDLES";
  const { meaning: message, fix } = catalogue[code];
  const body = JSON.stringify({ error: { code, message, cause: "", fix } });
  const fields = `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  const ends = "retry-after: 1\r\nconnection: close\r\n";
  return `HTTP/1.1 503 Service Unavailable\r\n${fields}${ends}\r\n${body}`;
}
