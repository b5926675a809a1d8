import type { Transport } from "./attempts.ts";
import { httpConnector, NoPost, type Session } from "./http-connect.ts";
import { httpLink } from "./http-link.ts";
import { type HttpTarget, httpTarget } from "./http-target.ts";
import { openInstances } from "./instances.ts";
import { ConnectError } from "./link.ts";
import type { HttpSettings, Offer, UpstreamOptions } from "./settings.ts";
import { sseLink } from "./sse-link.ts";
import { stdioTransport } from "./stdio-connect.ts";
import type { Upstream, UpstreamControl } from "./upstream.ts";

/**
 * One MCP server of the config, not started yet. Throws GW_HEADER for configured headers that
 * cannot be sent.
 */
export function openUpstream(options: UpstreamOptions): Upstream & UpstreamControl {
  const { transport } = options.config;
  if (transport.kind === "stdio") {
    return openInstances(options, (offer) => stdioTransport(options, transport, offer));
  }
  const target = httpTarget(options, transport);
  return openInstances(options, (offer) => httpTransport(options, transport, target, offer));
}

/** All instances share one pool of connections, which ends with the first of them. */
function httpTransport(
  options: UpstreamOptions,
  settings: HttpSettings,
  target: HttpTarget,
  offer: Offer | undefined,
): Transport {
  const { clock, random } = options;
  const connector = httpConnector(target, clock, options.config.protocol, offer);
  return {
    kind: "http",
    probe: () => target.pool.probe(),
    async connect(events) {
      if (settings.sse) return sseLink({ target, clock, events, offer });
      const began = clock.mono();
      let session: Session;
      try {
        session = await connector.open();
      } catch (error) {
        if (!(error instanceof NoPost)) throw error;
        return sseLink({ target, clock, events, offer }).catch((why: Error) => {
          throw new ConnectError(`${error.message}; as HTTP+SSE: ${why.message}`);
        });
      }
      const handshakeMs = clock.mono() - began;
      return httpLink({ target, connector, session, clock, random, events, offer, handshakeMs });
    },
    async close() {
      if (offer === undefined) target.pool.close();
    },
  };
}
