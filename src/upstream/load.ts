/** Requests at a server that have not ended, counted for one instance of it and for all. */

import { fault } from "../base/errors.ts";

export interface Load {
  readonly inFlight: number;
  /** Throws GW_UPSTREAM_BUSY when the server has as many as it may have. */
  begin(): void;
  end(): void;
}

export interface LoadLimit {
  readonly id: string;
  /** Read for each request: it may change. */
  readonly maxInFlight: number;
}

/** `all`: of the server, where this is the load of one instance; `ended`: of how many are left. */
export function createLoad(limit: LoadLimit, all?: Load, ended?: (left: number) => void): Load {
  let inFlight = 0;
  return {
    get inFlight() {
      return inFlight;
    },
    begin() {
      if (all !== undefined) all.begin();
      else if (inFlight >= limit.maxInFlight) throw busy(limit, inFlight);
      inFlight += 1;
    },
    end() {
      all?.end();
      inFlight -= 1;
      ended?.(inFlight);
    },
  };
}

function busy({ id, maxInFlight }: LoadLimit, inFlight: number) {
  return fault("GW_UPSTREAM_BUSY", {
    message: `"${id}" has ${inFlight} calls in flight`,
    cause: `servers.${id}.max_in_flight is ${maxInFlight}`,
  });
}
