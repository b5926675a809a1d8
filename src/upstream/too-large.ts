/** An answer that is larger than the server's may be. */

import { fault, type GatewayError } from "../base/errors.ts";
import { sizeText } from "../base/units.ts";
import type { ResultLimit } from "./settings.ts";

/** `seen`: its bytes as far as they are known; `whole`: it has no more than that. */
export function resultTooLarge(
  server: string,
  { resultBytes, resultSetting = "limits.result" }: ResultLimit,
  seen: number,
  whole: boolean,
): GatewayError {
  const size = whole ? `${seen} bytes` : `more than ${seen} bytes`;
  return fault("GW_RESULT_TOO_LARGE", {
    message: `The answer of "${server}" has ${size}`,
    cause: `${resultSetting} is ${sizeText(resultBytes)}`,
    fix: `ask for less, or raise ${resultSetting} in the config`,
    data: { setting: resultSetting, limit: resultBytes },
  });
}
