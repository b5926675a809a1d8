/** What whoever wants something of a disabled server is told: by whom, since when, what to do. */

import { fault, type GatewayError } from "./errors.ts";

/** The cause of one that the config disables; else it names the key that did. */
export const disabledInConfig = "`disabled: true` in the config";

export interface DisabledStatus {
  readonly cause: string | undefined;
  /** Wall ms. */
  readonly sinceMs: number;
}

export function serverDisabled(id: string, { cause, sinceMs }: DisabledStatus): GatewayError {
  const enable = `authensor-gw servers enable ${id}`;
  const line = `take \`disabled: true\` out of servers.${id} in the config`;
  const since = `since ${new Date(sinceMs).toISOString().slice(0, 19)}Z`;
  return fault("GW_SERVER_DISABLED", {
    message: `Server "${id}" is disabled`,
    cause: cause === undefined ? since : `${cause}, ${since}`,
    fix:
      cause === disabledInConfig
        ? `${line}, then authensor-gw reload; or, for now, ${enable}`
        : enable,
    data: { server: id },
  });
}
