/** What `doctor` finds: which link, what was seen, why, what it means, what to do. */

import { catalogue } from "../base/error-codes.ts";
import type { ErrorCode, GatewayError } from "../base/errors.ts";
import { firstLines, tellsAll } from "../base/first-lines.ts";
import { printable } from "../base/printable.ts";

export type DoctorLink = "agent" | "gateway" | "server";

/** error: calls fail. warning: they will, or some do. info: it is over, or nobody's fault. */
export type Severity = "error" | "warning" | "info";

/** As `doctor --json` gives it (docs/debugging.md). All texts are `printable`. */
export interface Finding {
  readonly link: DoctorLink;
  readonly severity: Severity;
  readonly code: ErrorCode;
  readonly saw: string;
  /** Since when, or from when to when and how often; "" when nothing is known. */
  readonly since: string;
  readonly cause: string;
  readonly effect: string;
  /** A command where there is one. */
  readonly fix: string;
}

export interface FindingParts {
  readonly link: DoctorLink;
  readonly severity?: Severity;
  readonly code: ErrorCode;
  readonly saw: string;
  readonly since?: string;
  readonly cause?: string;
  readonly effect?: string;
  readonly fix?: string;
}

/** Absent parts come from the code's row of the catalogue. */
export function finding(parts: FindingParts): Finding {
  const { meaning, fix } = catalogue[parts.code];
  return {
    link: parts.link,
    severity: parts.severity ?? "error",
    code: parts.code,
    saw: printable(parts.saw),
    since: printable(parts.since ?? ""),
    cause: printable(parts.cause ?? meaning),
    effect: printable(parts.effect ?? ""),
    fix: printable(parts.fix ?? fix),
  };
}

/** The gateway's own error as a finding. */
export function findingOf(
  link: DoctorLink,
  error: Pick<GatewayError, "code" | "message" | "why" | "fix">,
  more: Partial<FindingParts> = {},
): Finding {
  const { code, message: saw, why, fix } = error;
  const cause = why.trim() === "" ? catalogue[code].meaning : firstLines(why, tellsAll(code));
  return finding({ link, code, saw, cause, fix, ...more });
}
