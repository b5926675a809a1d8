import type { Transport } from "./attempts.ts";
import { httpConnector } from "./http-connect.ts";
import { httpLink } from "./http-link.ts";
import { httpTarget } from "./http-target.ts";
import type { HttpSettings, UpstreamOptions } from "./settings.ts";
import { stdioTransport } from "./stdio-connect.ts";
import { supervise } from "./supervisor.ts";
import type { Upstream, UpstreamControl } from "./upstream.ts";

/**
 * One MCP server of the config, not started yet. Throws GW_HEADER for configured headers that
 * cannot be sent.
 */
export function openUpstream(options: UpstreamOptions): Upstream & UpstreamControl {
  const { transport } = options.config;
  if (transport.kind === "http") return supervise(options, httpTransport(options, transport));
  return supervise(options, stdioTransport(options, transport));
}

function httpTransport(options: UpstreamOptions, settings: HttpSettings): Transport {
  const target = httpTarget(options, settings);
  const { clock, random } = options;
  const connector = httpConnector(target, clock, options.config.protocol);
  return {
    kind: "http",
    probe: () => target.pool.probe(),
    async connect(events) {
      const session = await connector.open();
      return httpLink({ target, connector, session, clock, random, events });
    },
    close: async () => target.pool.close(),
  };
}
