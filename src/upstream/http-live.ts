/** The session that a link is in now: renewed when the server forgets it, with its own stream. */

import type { Clock, Random } from "../base/ports.ts";
import type { StrictBody } from "../protocol/message.ts";
import { type ChangeStream, createChangeStream } from "./change-stream.ts";
import { listKinds } from "./handshake.ts";
import { ask } from "./http-ask.ts";
import { listenForChanges } from "./http-changes.ts";
import type { Connector, Session } from "./http-connect.ts";
import { type HttpTarget, legacyFields } from "./http-target.ts";
import type { LinkEvents } from "./link.ts";
import type { Offer } from "./settings.ts";

export interface LiveSession {
  readonly session: Session;
  /** The head of a POST in it, up to the fields of the request. */
  readonly head: string;
  /** One new session for all calls that found `used` lost. */
  renew(used: Session): Promise<void>;
  /** Its stream is open, or `ms` are over: what comes only there is not missed by a call. */
  opened(ms: number): Promise<void>;
  /** As Link.watch. */
  watch(uris: ReadonlySet<string>): Promise<ReadonlySet<string>>;
  /** Cuts its stream. */
  stop(): void;
  /** Tells the server that the session is not needed any more; it may not care. */
  end(): Promise<void>;
}

export interface LiveOptions {
  readonly target: HttpTarget;
  readonly connector: Connector;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: LinkEvents;
  readonly offer: Offer | undefined;
  /** One message of the stream that belongs to no call. */
  aside(body: StrictBody): void;
  /** One that came too fast, not read. */
  dropped(bytes: Uint8Array): void;
  /** There is another session. */
  renewed(): void;
  /** There is no server any more. */
  lost(cause: string): void;
}

export function createLive(options: LiveOptions): LiveSession {
  const { target, events, clock } = options;
  let session = options.session;
  let head = headOf(target, session);
  let renewing: Promise<void> | undefined;
  let stopped = false;
  let changes = stream();

  function stream(): ChangeStream {
    const own = session;
    const renewOwn = () => void renew(own).catch(() => undefined);
    const always = options.offer !== undefined;
    const about = { ...options, session: own, always, renew: renewOwn };
    return createChangeStream(clock, (uris, answer) =>
      listenForChanges({ ...about, uris, answer }),
    );
  }

  function renew(used: Session): Promise<void> {
    if (session !== used) return Promise.resolve();
    renewing ??= options.connector.renew().then(
      (fresh) => {
        renewing = undefined;
        if (stopped) return;
        session = fresh;
        head = headOf(target, fresh);
        changes.stop();
        changes = stream();
        options.renewed();
        events.renewed();
        for (const kind of listKinds) events.listChanged(`${kind}/list`);
      },
      (why: Error) => {
        renewing = undefined;
        options.lost(why.message);
        throw why;
      },
    );
    return renewing;
  }

  return {
    get session() {
      return session;
    },
    get head() {
      return head;
    },
    renew,
    opened: (ms) => within(changes.opened, clock, ms),
    watch: (uris) => changes.watch(uris),
    stop() {
      stopped = true;
      changes.stop();
    },
    async end() {
      if (session.id === undefined) return;
      const bye = target.deleteHead + legacyFields(session.hello.protocol, session.id);
      await ask(target, clock, bye, [], 1_000).catch(() => undefined);
    },
  };
}

async function within(opened: Promise<void> | undefined, clock: Clock, ms: number): Promise<void> {
  if (opened === undefined) return;
  const pause = new Promise<void>((resolve) => clock.after(ms, resolve));
  await Promise.race([opened, pause]);
}

export function headOf(target: HttpTarget, session: Session): string {
  if (session.hello.era === "modern") return target.postHead;
  return target.postHead + legacyFields(session.hello.protocol, session.id);
}
