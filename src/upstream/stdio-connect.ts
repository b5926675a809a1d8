/** Starts a stdio server and finds out its era (2026-07-28, versioning). */

import { member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { Era, StrictBody } from "../protocol/message.ts";
import type { Transport } from "./attempts.ts";
import { acknowledgedResources, type ChangeStream, createChangeStream } from "./change-stream.ts";
import { type ProcessPorts, type ServerProcess, startProcess } from "./child-process.ts";
import { eraOfProbe, errorCode, helloOfDiscover, listenParams, modernMeta } from "./handshake.ts";
import { keepStream } from "./kept-stream.ts";
import { ConnectError, type Link, type LinkEvents, notOurs } from "./link.ts";
import { createLogLevel } from "./log-level.ts";
import type { Offer, StdioSettings, UpstreamOptions } from "./settings.ts";
import { createTalk, type Talk } from "./stdio-link.ts";
import { askTalk, initializeTalk, ownRequest, pause, settle } from "./talk-ask.ts";
import type { ServerHello } from "./upstream.ts";

/** With an `offer` it is of the legacy era: modern servers are told on each request. */
export function stdioTransport(
  options: UpstreamOptions,
  settings: StdioSettings,
  offer: Offer | undefined,
): Transport {
  const pinned = offer === undefined ? options.config.protocol : "legacy";
  let verdict: Era | undefined = pinned === "auto" ? undefined : pinned;

  let running: Try | undefined;
  let closed = false;

  async function attempt(events: LinkEvents, era: Era | undefined): Promise<Link> {
    if (closed) throw new ConnectError("the gateway is stopping");
    events.begun?.();
    running = startTry(options, settings, events, offer);
    try {
      const link = await running.shake(era);
      if (pinned === "auto") verdict = link.hello.era;
      return link;
    } catch (error) {
      await running.drop();
      throw error;
    }
  }

  return {
    kind: "stdio",
    probe: undefined,
    abort: async () => running?.drop(),
    close: async () => {
      closed = true;
      await running?.drop();
    },
    async connect(events) {
      const probing = verdict === undefined;
      try {
        return await attempt(events, verdict);
      } catch (error) {
        // Some servers exit when they are asked anything before initialize.
        const exited = running?.exited() === true;
        if (pinned === "auto") verdict = undefined;
        if (!probing || !exited || closed) throw error;
        return attempt(events, "legacy");
      }
    },
  };
}

interface Try {
  /** The handshake of the era, or the one that finds it out. */
  shake(era: Era | undefined): Promise<Link>;
  drop(): Promise<void>;
  /** It ended by itself. */
  exited(): boolean;
}

function startTry(
  options: UpstreamOptions,
  settings: StdioSettings,
  events: LinkEvents,
  offer: Offer | undefined,
): Try {
  let ended: string | undefined;
  let closing = false;
  let dropped = false;
  let live = false;
  let changes: ChangeStream | undefined;
  const exit = Promise.withResolvers<never>();
  exit.promise.catch(() => undefined);
  const talk = createTalk({
    server: options.config.id,
    limits: options.limits,
    clock: options.clock,
    process: () => child,
    events,
  });
  const ports: ProcessPorts = options;
  const child: ServerProcess = startProcess(ports, settings, {
    line: talk.line,
    stderr: events.stderr,
    exit(cause) {
      ended = cause;
      changes?.stop();
      exit.reject(new ConnectError(cause));
      talk.ended(closing ? "the gateway ended its process" : cause);
      if (live && !closing) events.lost(cause);
    },
    left: ({ pids, left }) => {
      const server = options.config.id;
      events.stderr(`(ended what it had left behind: ${pids.join(", ")})`);
      options.log.warn("ended processes that a server left behind", { server, pids: pids.join() });
      if (left.length === 0) return;
      options.log.error("processes that a server left behind cannot be ended", {
        ...{ server, code: "GW_STRAYS", pids: left.join() },
      });
    },
  });

  async function shake(era: Era | undefined): Promise<Link> {
    const shaking = handshake(options, talk, era, offer);
    const hello = await Promise.race([shaking, exit.promise]);
    if (hello.era === "legacy") talk.notify("notifications/initialized");
    if (offer?.shared === true) await Promise.race([settle(talk, options.clock), exit.promise]);
    live = true;
    talk.level = createLogLevel(member(hello.capabilities, "logging") !== undefined);
    const stream = listen(options, talk, hello, events);
    changes = stream;
    const close = () => {
      closing = true;
      changes?.stop();
      return child.stop();
    };
    return {
      ...{ hello, pid: child.pid, oneStream: true, send: talk.send, close },
      watch: stream.watch,
      get stale() {
        return talk.stale();
      },
    };
  }
  const drop = () => {
    dropped ||= ended === undefined;
    closing = true;
    return child.stop();
  };
  return { shake, drop, exited: () => ended !== undefined && !dropped };
}

async function handshake(
  options: UpstreamOptions,
  talk: Talk,
  era: Era | undefined,
  offer: Offer | undefined,
): Promise<ServerHello> {
  const { identity, clock } = options;
  const discover = () => {
    talk.era = "modern";
    const params = `{"_meta":${modernMeta(identity)}}`;
    return askTalk(talk, clock, 1, "server/discover", params);
  };
  const initialize = () => initializeTalk(talk, clock, identity, offer);
  if (era === "modern") return helloOfDiscover(await discover());
  if (era === "legacy") return initialize();
  const probe = discover();
  probe.catch(() => undefined);
  const early = await Promise.race([probe, pause(clock, limits.childProbeMs)]);
  if (early !== undefined && eraOfProbe(early) === "modern") return found(talk, early);
  if (early !== undefined) return initialize();
  // Silent so far: asked the older way as well, whichever answer decides comes first.
  const late = probe.then((body) => {
    if (eraOfProbe(body) === "modern") return found(talk, body);
    throw new ConnectError("it does not answer server/discover");
  });
  return Promise.any([late, initialize()]).catch((all: AggregateError) => {
    throw all.errors[1];
  });
}

function found(talk: Talk, body: StrictBody): ServerHello {
  talk.era = "modern";
  return helloOfDiscover(body);
}

/** Ids of listens: beyond all that calls use. */
const firstListenId = 2 ** 40;

/** A modern server tells its changes within a subscription, kept open while it lives. */
function listen(
  options: UpstreamOptions,
  talk: Talk,
  hello: ServerHello,
  events: LinkEvents,
): ChangeStream {
  let id = firstListenId;
  return createChangeStream(options.clock, (uris, answer) => {
    const params = listenParams(options.identity, hello, uris);
    if (hello.era === "legacy" || params === undefined) return undefined;
    return keepStream(
      options,
      (on) => {
        id += 1;
        const ended = (unsupported: boolean) => {
          if (unsupported) answer.refused();
          on.ended({ unsupported });
        };
        const sent = talk.send(id, ownRequest("subscriptions/listen", params), {
          notification(method, told) {
            const watched = acknowledgedResources(method, told);
            if (watched === undefined) return;
            on.opened();
            answer.acknowledged(watched);
          },
          request: notOurs,
          response: (body) => ended(errorCode(body) !== undefined),
          failed: () => ended(true),
        });
        return () => sent.cancel("the gateway is stopping");
      },
      () => {
        for (const uri of uris) events.updated(uri, { uri });
      },
    );
  });
}
