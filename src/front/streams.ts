/** Open GET and subscriptions/listen streams, and what they are told of list changes. */

import type { Access, Identity } from "../access/access.ts";
import type { HttpRequest } from "../base/http-request.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { ListMethod } from "../protocol/lists.ts";
import { sseComment } from "../protocol/sse.ts";
import type { Peer } from "../runtime/runtime.ts";
import type { Channel } from "./channel.ts";
import { openEventStream } from "./event-stream.ts";
import { type Outlet, plainOutlet } from "./outlet.ts";
import type { FrontPorts } from "./ports.ts";
import type { Seen } from "./sessions.ts";
import type { Unread } from "./unread.ts";

/** One standing stream of a client. */
export interface ClientStream {
  readonly response: Response;
  /** Bytes that the client has not taken yet. */
  backlog(): number;
  send(message: string): void;
  /** Ends it; a listen stream says its result first. */
  end(): void;
}

export interface StreamOptions {
  readonly identity: Identity;
  /** What its client knows. Streams that share it are one client: one of them is told. */
  readonly seen: Seen;
  /** The JSON-RPC notification for each list whose changes its client is told of. */
  readonly lists: ReadonlyMap<ListMethod, string>;
  /** Last message of a graceful end. */
  readonly farewell?: string;
  /** Event text that is written first. */
  readonly opening?: string;
  readonly headers?: Record<string, string>;
  readonly peer: Peer;
  readonly request: HttpRequest;
  /** Of a legacy session: outlives the connection. `after`: what its client has read of it. */
  readonly resumable?: { readonly channel: Channel; readonly after: number };
  /** Once, however it ended. */
  closed?(): void;
}

export interface Streams {
  readonly size: number;
  /** A place for one that is being prepared; false when the key has as many as it may have. */
  reserve(keyId: string): boolean;
  release(keyId: string): void;
  /** undefined when the key has as many as it may have. */
  open(options: StreamOptions): ClientStream | undefined;
  /** Tells the streams of this key whose client knows other lists; called on every change. */
  refresh(identity: Identity, changed: Iterable<ListMethod>): Promise<void>;
  /** Every key that has streams. */
  identities(): readonly Identity[];
  /** Ends the longest open stream of this client, or all of them. */
  endOldest(keyId: string, seen: Seen): void;
  endClient(keyId: string, seen: Seen): void;
  endKey(keyId: string): void;
  tick(now: number): void;
  endAll(): void;
}

interface Open extends StreamOptions, ClientStream {
  readonly outlet: Outlet;
  spokeAt: number;
}

export function createStreams(
  ports: Pick<FrontPorts, "access" | "clock" | "visibleHash"> & { readonly unread: Unread },
): Streams {
  const byKey = new Map<string, Set<Open>>();
  const reserved = new Map<string, number>();
  let size = 0;

  function forget(stream: Open): void {
    const own = byKey.get(stream.identity.keyId);
    if (own?.delete(stream) !== true) return;
    if (own.size === 0) byKey.delete(stream.identity.keyId);
    size--;
    stream.closed?.();
    stream.peer.limitIdle(stream.request);
  }

  function ofClient(keyId: string, seen: Seen): readonly Open[] {
    return [...(byKey.get(keyId) ?? [])].filter((stream) => stream.seen === seen);
  }

  return {
    get size() {
      return size;
    },
    reserve(keyId) {
      const coming = reserved.get(keyId) ?? 0;
      if (coming + (byKey.get(keyId)?.size ?? 0) >= limits.streamsPerKey) return false;
      reserved.set(keyId, coming + 1);
      return true;
    },
    release(keyId) {
      const left = (reserved.get(keyId) ?? 0) - 1;
      if (left > 0) reserved.set(keyId, left);
      else reserved.delete(keyId);
    },
    open(options) {
      const own = byKey.get(options.identity.keyId) ?? new Set();
      if (own.size >= limits.streamsPerKey) return undefined;
      const stream = openStream(options, ports, forget);
      byKey.set(options.identity.keyId, own.add(stream));
      size++;
      return stream;
    },
    endOldest(keyId, seen) {
      ofClient(keyId, seen)[0]?.end();
    },
    endClient(keyId, seen) {
      for (const stream of ofClient(keyId, seen)) stream.end();
    },
    async refresh(identity, changed) {
      const { keyId } = identity;
      const wanted = [...changed].filter((list) =>
        [...(byKey.get(keyId) ?? [])].some(({ lists }) => lists.has(list)),
      );
      const hashes = await Promise.all(wanted.map((list) => ports.visibleHash(identity, list)));
      // The newest first: of two streams of one client the older may be half dead.
      for (const stream of [...(byKey.get(keyId) ?? [])].reverse()) {
        const messages = new Set<string>();
        wanted.forEach((list, at) => {
          const message = stream.lists.get(list);
          const hash = hashes[at];
          if (message === undefined || hash === undefined) return;
          const before = stream.seen.get(list);
          stream.seen.set(list, hash);
          // A client that never saw a list has nothing to be told of.
          if (before !== undefined && before !== hash) messages.add(message);
        });
        // Resources and templates share one.
        for (const message of messages) stream.send(message);
      }
    },
    identities: () =>
      [...byKey.values()].flatMap((own) => [...own].slice(-1)).map((s) => s.identity),
    endKey(keyId) {
      for (const stream of [...(byKey.get(keyId) ?? [])]) stream.end();
    },
    tick(now) {
      for (const own of byKey.values()) {
        for (const stream of [...own]) beat(stream, now, ports.access);
      }
    },
    endAll() {
      for (const own of [...byKey.values()]) for (const stream of [...own]) stream.end();
    },
  };
}

function openStream(
  options: StreamOptions,
  { clock, unread }: { readonly clock: Clock; readonly unread: Unread },
  forget: (stream: Open) => void,
): Open {
  const { resumable, farewell, identity } = options;
  const events = openEventStream(() => {
    resumable?.channel.lost(events);
    forget(stream);
  }, options.headers);
  const { keyId } = identity;
  const outlet = resumable?.channel ?? plainOutlet(events, { unread, keyId });
  const stream: Open = {
    ...options,
    outlet,
    response: events.response,
    spokeAt: clock.mono(),
    backlog: () => events.backlog(),
    send(message) {
      // A reader that does not read is let go: it will come back and ask again (R7).
      if (events.backlog() > limits.streamBacklogBytes) stream.end();
      outlet.message(message);
      stream.spokeAt = clock.mono();
    },
    end() {
      forget(stream);
      if (farewell === undefined) events.end();
      else outlet.last(farewell);
      resumable?.channel.lost(events);
    },
  };
  options.peer.keepOpen(options.request);
  // The first byte makes the headers leave: a client waits for them before it trusts the stream.
  events.write(options.opening ?? sseComment(""));
  resumable?.channel.connect(events, resumable.after);
  return stream;
}

/** Keeps proxies from cutting it, and finds out whether anyone is there. */
function beat(stream: Open, now: number, access: Access): void {
  const gone = !access.isLive(stream.identity);
  if (gone || stream.outlet.backlog() > limits.streamBacklogBytes) stream.end();
  if (now - stream.spokeAt < limits.heartbeatMs) return;
  stream.outlet.beat();
  stream.spokeAt = now;
}
