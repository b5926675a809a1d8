/** The control API of a gateway as a source of data: follows its stream and connects again. */

import { adminClient, type Watch } from "../src/admin/client.ts";
import type { LiveEvent } from "../src/admin/contract.ts";
import { limits } from "../src/base/limits.ts";
import type { Source, Watcher } from "./live.ts";

export interface GatewaySource extends Source {
  /** Does not wait for the next attempt. */
  reconnect(): void;
}

/** `key`: token for what changes something; the stream itself is read over the socket alone. */
export function gatewaySource(socket: string, key: string | undefined): GatewaySource {
  const reader = adminClient({ socket });
  const client = adminClient({ socket, key });
  let connect: () => void = () => undefined;
  return {
    place: socket,
    get: client.get,
    post: client.post,
    reconnect: () => connect(),
    watch(on) {
      const link = createLink((onEvent, after) => reader.watch(onEvent, after), on);
      connect = link.now;
      link.now();
      return link.close;
    },
  };
}

type Open = (onEvent: (event: LiveEvent) => void, after: number | undefined) => Watch;

/** One stream at a time; after it breaks the next one is tried, later each time it fails. */
function createLink(open: Open, on: Watcher): { now(): void; close(): void } {
  let [attempt, closed] = [0, false];
  let seq: number | undefined;
  let watch: Watch | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function heard(event: LiveEvent): void {
    attempt = 0;
    if (event.kind === "snapshot") {
      seq = event.snapshot.seq;
      on.snapshot(event.snapshot);
      return;
    }
    seq = event.batch.seq;
    on.batch(event.batch);
  }

  function now(): void {
    if (closed || watch !== undefined) return;
    clearTimeout(timer);
    const mine = open(heard, seq);
    watch = mine;
    void mine.ended.then((why) => {
      if (closed || watch !== mine) return;
      watch = undefined;
      attempt += 1;
      const wait = Math.min(limits.tuiRetryFirstMs * 2 ** (attempt - 1), limits.tuiRetryLastMs);
      on.lost(why.why === "" ? why.message : `${why.message}: ${why.why}`, attempt, wait);
      timer = setTimeout(now, wait);
    });
  }

  return {
    now,
    close() {
      closed = true;
      clearTimeout(timer);
      watch?.close();
    },
  };
}
