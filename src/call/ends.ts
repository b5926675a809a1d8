/** What an agent is told where the path of its call ends early, or its outcome is lost. */

import { asFault, fault, type GatewayError } from "../base/errors.ts";

/** R14, R16: without a receipt, which would cost more than the call is worth. */
export function keyBusy(limit: number): GatewayError {
  return fault("GW_KEY_BUSY", {
    message: `This key has as many calls in flight as limits.calls_per_key, ${limit}, lets it have`,
    data: { setting: "limits.calls_per_key", limit },
  });
}

export function keyEnded(): GatewayError {
  return fault("GW_KEY_REVOKED", { message: "The key ended while the call waited" });
}

/** Its agent may have given up long ago: what it did not wait for must not be done now. */
export function recordedLate(ms: number): GatewayError {
  return fault("GW_AUDIT_UNAVAILABLE", {
    message: "The receipt of the call was too long on its way to the disk",
    cause: `the disk took ${Math.round(ms / 1000)} s for it`,
    fix: "nothing was sent: the call may be repeated; look after the disk of data_dir",
  });
}

/** Invariant 6: after forwarding nothing may look like a denial, or the agent repeats the call. */
export function outcomeLost(thrown: unknown, target: string): GatewayError {
  const why = asFault(thrown, "the outcome could not be recorded");
  const message = `The call of "${target}" may have run, its outcome is not recorded`;
  return fault("GW_OUTCOME_LOST", { message, cause: `${why.code}: ${why.message}` });
}

/** It waited for its turn or its server: there is nothing to look for. */
export function unsent({ code, message, why }: GatewayError): GatewayError {
  const cause = `${why === "" ? "" : `${why}; `}it still waited: nothing was sent`;
  const again = "it may be repeated";
  const fix = code === "GW_ENDED_BY_OPERATOR" ? `ask who runs the gateway; ${again}` : again;
  return fault(code, { message, cause, fix });
}
