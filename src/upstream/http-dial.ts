/** Opens connections to one server. */

import { limits } from "../base/limits.ts";
import type { Connection, DialOptions, Runtime } from "../runtime/runtime.ts";
import { HttpError } from "./http-error.ts";

export interface DiallerOptions {
  readonly runtime: Runtime;
  readonly port: number;
  readonly tls: { readonly serverName: string; readonly ca?: string } | undefined;
  /** Addresses that may be dialled, checked anew for each connection. */
  addresses(): Promise<readonly string[]>;
}

export interface Dialler {
  dial(on: DialOptions["on"]): Promise<Connection>;
  /** All that is under way fails at once, and what it opens is closed: names may take seconds. */
  end(): void;
}

export function createDialler(options: DiallerOptions): Dialler {
  const dialling = new Set<() => void>();
  let ended = false;
  return {
    dial(on) {
      if (ended) return Promise.reject(gatewayStops());
      const { promise, resolve, reject } = Promise.withResolvers<Connection>();
      const giveUp = () => reject(gatewayStops());
      dialling.add(giveUp);
      dialOne(options, on, () => ended)
        .then((connection) => {
          if (ended) connection.destroy();
          resolve(connection);
        }, reject)
        .finally(() => dialling.delete(giveUp));
      return promise;
    },
    end() {
      ended = true;
      for (const giveUp of dialling) giveUp();
    },
  };
}

export function gatewayStops(): HttpError {
  return new HttpError("the gateway is stopping");
}

/** The first of the addresses that takes a connection. */
async function dialOne(
  options: DiallerOptions,
  on: DialOptions["on"],
  isEnded: () => boolean,
): Promise<Connection> {
  const { runtime, port, tls } = options;
  const { connectMs: timeoutMs } = limits;
  let last: unknown;
  for (const host of await options.addresses()) {
    if (isEnded()) throw gatewayStops();
    try {
      return await runtime.dial({ host, port, timeoutMs, ...(tls && { tls }), on });
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
