/** Arguments that are larger than the server or tool may get (`max_args`). */

import { fault, type GatewayError } from "../base/errors.ts";
import { sizeText } from "../base/units.ts";
import type { Item } from "../catalog/catalog.ts";

export function argsTooLarge({ target, maxArgs }: Item, size: number): GatewayError | undefined {
  if (maxArgs === undefined || size <= maxArgs.bytes) return undefined;
  const { bytes, setting } = maxArgs;
  return fault("GW_ARGS_TOO_LARGE", {
    message: `The arguments of "${target}" have ${size} bytes`,
    cause: `${setting} is ${sizeText(bytes)}; nothing was sent`,
    fix: `send less, or raise ${setting} in the config`,
    data: { setting, limit: bytes },
  });
}
