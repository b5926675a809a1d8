/** The catalogue's ways out are for agents and their makers; here they are for operators. */

import { catalogue } from "../base/error-codes.ts";
import { type ErrorCode, fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { leastRole, type May } from "./who.ts";

/** The same error; what its place knew better stays. `may`: what was asked for needs. */
export function forOperators(error: GatewayError, may: May): GatewayError {
  const { code, message, why: cause, data } = error;
  if (error.fix !== catalogue[code].fix) return error;
  const fix = ofKey(code, leastRole(may)) ?? fixes[code];
  return fix === undefined ? error : fault(code, { message, cause, data, fix });
}

function ofKey(code: ErrorCode, role: string): string | undefined {
  const create = `\`authensor-gw keys create --role ${role} --name NAME\``;
  switch (code) {
    case "GW_KEY_MISSING":
      return `send \`Authorization: Bearer <token>\`; make a key with ${create}`;
    case "GW_KEY_UNKNOWN":
    case "GW_KEY_REVOKED":
    case "GW_ROLE":
      return `use another key, or make one with ${create}`;
    default:
      return undefined;
  }
}

const paths = "docs/admin.md lists the paths, and what each takes";

const fixes: Partial<Record<ErrorCode, string>> = {
  GW_NOT_FOUND: paths,
  GW_PARAMS: paths,
  GW_JSON: "send one JSON object",
  GW_BODY_TOO_LARGE: `send at most ${limits.adminBodyBytes / 1024} KiB`,
  GW_HOST: "use http://localhost and the port of `admin.listen`: no other name is answered",
  GW_ORIGIN: "web pages of other hosts may not use the admin API",
};
