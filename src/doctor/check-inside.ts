/** What only the running gateway sees: a server can shake hands, and fail all the same. */

import type { ErrorCode } from "../base/errors.ts";
import type { ServerConfig } from "../gateway/config-model.ts";
import { type Finding, finding, type Severity } from "./finding.ts";
import type { World } from "./world.ts";

interface Inside {
  readonly severity: Severity;
  saw(id: string): string;
}

const inside: Partial<Record<ErrorCode, Inside>> = {
  GW_UPSTREAM_FAILING: {
    severity: "error",
    saw: (id) => `calls of "${id}" are refused for a moment, as most of them failed`,
  },
  GW_SERVER_EMPTY: {
    severity: "error",
    saw: (id) => `"${id}" lists nothing where it listed something before`,
  },
  // The next good answer ends it.
  GW_UPSTREAM_ERROR: {
    severity: "warning",
    saw: (id) => `the last answer of "${id}" could not be used`,
  },
};

export function checkInside(world: World, { id }: ServerConfig): Finding[] {
  const live = world.gateway.kind === "up" ? world.gateway.live : undefined;
  const trouble = live?.servers.find((one) => one.id === id)?.trouble;
  if (!trouble || !isInside(trouble.code)) return [];
  const { code, cause, effect, fix } = { ...trouble, code: trouble.code };
  const known = inside[code] as Inside;
  const saw = known.saw(id);
  return [finding({ link: "server", severity: known.severity, code, saw, cause, effect, fix })];
}

/** It is told by this file. */
export function isInside(code: string): code is ErrorCode {
  return Object.hasOwn(inside, code);
}
