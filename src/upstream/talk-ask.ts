/** Requests of the gateway's own in a conversation of one stream: the handshake. */

import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import type { StrictBody } from "../protocol/message.ts";
import { helloOfInitialize, initializeParams } from "./handshake.ts";
import { ConnectError, notOurs } from "./link.ts";
import type { Identity, Offer } from "./settings.ts";
import type { Talk } from "./stdio-link.ts";
import type { ServerHello, UpstreamRequest } from "./upstream.ts";

/** Ids 1 to 3 are kept for these. Rejects with ConnectError without an answer in time. */
export function askTalk(
  talk: Talk,
  clock: Clock,
  id: number,
  method: string,
  params: string,
): Promise<StrictBody> {
  return new Promise((resolve, reject) => {
    const stop = clock.after(limits.childHandshakeMs, () => {
      reject(
        new ConnectError(`it did not answer ${method} in ${limits.childHandshakeMs / 1000} s`),
      );
    });
    talk.send(id, ownRequest(method, params), {
      notification: () => undefined,
      request: notOurs,
      response(body) {
        stop();
        resolve(body);
      },
      failed(error) {
        stop();
        reject(new ConnectError(error.why));
      },
    });
  });
}

/** Up to where `notifications/initialized` follows. */
export async function initializeTalk(
  talk: Talk,
  clock: Clock,
  identity: Identity,
  offer: Offer | undefined,
): Promise<ServerHello> {
  talk.era = "legacy";
  const params = initializeParams(identity, offer);
  return helloOfInitialize(await askTalk(talk, clock, 2, "initialize", params));
}

/**
 * What a server asks as soon as it is initialized belongs to no call: a server that has answered a
 * ping has asked it, before the first call could be taken for the reason.
 */
export async function settle(talk: Talk, clock: Clock): Promise<void> {
  const answer = askTalk(talk, clock, 3, "ping", "{}").catch(() => undefined);
  await Promise.race([answer, pause(clock, limits.settleMs)]);
}

export function pause(clock: Clock, ms: number): Promise<undefined> {
  return new Promise((resolve) => clock.after(ms, () => resolve(undefined)));
}

export function ownRequest(method: string, params: string): UpstreamRequest {
  return { method, params: () => [params], name: undefined, headers: [], origin: undefined };
}
