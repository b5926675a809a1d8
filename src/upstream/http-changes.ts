/** The stream on which an HTTP server tells list changes: GET, or subscriptions/listen. */

import { limits } from "../base/limits.ts";
import type { Clock, Random } from "../base/ports.ts";
import { requestHead, requestTail } from "../protocol/envelope.ts";
import type { StrictBody } from "../protocol/message.ts";
import { acknowledgedResources, type StreamAnswer } from "./change-stream.ts";
import { classify } from "./classify.ts";
import { changingKinds, listenParams } from "./handshake.ts";
import { isRefusal } from "./http-ask.ts";
import type { Session } from "./http-connect.ts";
import { post } from "./http-post.ts";
import type { OutgoingRequest } from "./http-request.ts";
import { sessionLost } from "./http-session.ts";
import { type HttpTarget, legacyFields, modernFields } from "./http-target.ts";
import { type KeptStream, keepStream } from "./kept-stream.ts";
import type { LinkEvents } from "./link.ts";
import { inPace, type Paced } from "./pace.ts";
import type { ServerHello } from "./upstream.ts";

export interface ChangesOptions {
  readonly target: HttpTarget;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Pick<LinkEvents, "listChanged" | "updated">;
  /** Whatever the server declares: what it asks may come there. */
  readonly always: boolean;
  /** The server is gone. */
  lost(cause: string): void;
  /** The session is gone. */
  renew(): void;
  /** One message of the stream. */
  aside(body: StrictBody): void;
  /** One that came too fast, not read. */
  dropped(bytes: Uint8Array): void;
  /** Of a modern server: resources whose changes it shall tell. */
  readonly uris: ReadonlySet<string>;
  readonly answer: StreamAnswer;
}

/** Ids of listens: beyond all that calls use. */
const firstListenId = 2 ** 40;

/** undefined when the server declares that it tells nothing, and is not asked `always`. */
export function listenForChanges(options: ChangesOptions): KeptStream | undefined {
  const { hello } = options.session;
  const kinds = changingKinds(hello);
  if (kinds.length + options.uris.size === 0 && !options.always) return undefined;
  let id = firstListenId;
  let given = false;
  const request = () => {
    id += 1;
    return hello.era === "modern" ? listenRequest(options, id) : getRequest(options, hello);
  };
  return keepStream(
    options,
    (on) => {
      const rate: Paced = { pace: undefined };
      const exchange = post(options.target, request(), {
        head() {
          given = true;
          on.opened();
        },
        named(_, data) {
          if (data.length === 0 || inPace(rate, options.clock.mono())) return false;
          options.dropped(data);
          exchange.rest(limits.streamDropBytes, limits.streamRestMs);
          return true;
        },
        message(body) {
          const uris = acknowledged(body);
          if (uris === undefined) options.aside(body);
          else options.answer.acknowledged(uris);
        },
        refused(status, _fields, bytes) {
          const lostSession = options.session.id !== undefined && status !== 405;
          const unsupported = status < 500 && status !== 409 && status !== 429;
          if (lostSession && sessionLost(status, bytes)) options.renew();
          // It gave one before: another server, perhaps of the other era, which asking it tells.
          else if (given && unsupported) missed();
          if (unsupported) options.answer.refused();
          on.ended({ unsupported });
        },
        end: () => on.ended({ unsupported: false }),
        failed(error, sent, cause) {
          if (!sent && isRefusal(cause)) options.lost(error.why);
          on.ended({ unsupported: false });
        },
      });
      return () => exchange.abort();
    },
    missed,
  );

  /** What changed while there was no stream is not told on the next one. */
  function missed(): void {
    for (const kind of kinds) options.events.listChanged(`${kind}/list`);
    for (const uri of options.uris) options.events.updated(uri, { uri });
  }
}

function acknowledged(body: StrictBody): ReadonlySet<string> | undefined {
  const message = classify(body);
  if (message.kind !== "notification") return undefined;
  return acknowledgedResources(message.method, message.params);
}

function getRequest({ target, session }: ChangesOptions, hello: ServerHello): OutgoingRequest {
  return { headText: target.getHead + legacyFields(hello.protocol, session.id), body: undefined };
}

function listenRequest({ target, session, uris }: ChangesOptions, id: number): OutgoingRequest {
  const params = listenParams(target.identity, session.hello, uris) ?? "{}";
  const headText = target.postHead + modernFields("subscriptions/listen", undefined, []);
  return { headText, body: [requestHead(id, "subscriptions/listen"), params, requestTail] };
}
