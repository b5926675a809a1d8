/** What is refused as it is more than may be: each says the limit, its setting where it has one. */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { sizeText } from "../base/units.ts";

export function bodyTooLarge(most: number): GatewayError {
  const setting = "limits.body";
  return fault("GW_BODY_TOO_LARGE", {
    message: `The request is larger than ${setting}, ${sizeText(most)}`,
    data: { setting, limit: most },
  });
}

const closeStreams = "close streams that are not read; one is enough for a session";

const ofKey = {
  sessions: {
    limit: limits.sessionsPerKey,
    fix: "end sessions that are not used (DELETE /mcp), or give each agent a key of its own",
  },
  streams: { limit: limits.streamsPerKey, fix: closeStreams },
  "HTTP+SSE streams": { limit: limits.oldStreamsPerKey, fix: closeStreams },
} as const;

/** The key has as many as it may have. */
export function keyFull(what: keyof typeof ofKey): GatewayError {
  const { limit, fix } = ofKey[what];
  return fault("GW_SESSIONS_FULL", {
    message: `The key has ${limit} ${what} open, as many as a key may have`,
    fix,
    data: { limit },
  });
}
