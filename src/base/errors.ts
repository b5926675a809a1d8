/** The catalogue of everything that can go wrong, and the one error class that carries it. */

import { catalogue } from "./error-codes.ts";

export type ErrorCode = keyof typeof catalogue;

/** One row of the catalogue. `docs/errors.md` has a row for each, counted by a test. */
export interface ErrorSpec {
  /** HTTP status where the error is the answer to an HTTP request. */
  readonly http: number;
  /** JSON-RPC code where it is the answer to a JSON-RPC request. */
  readonly rpc: number;
  /** Exit code where it ends a command (docs/errors.md). */
  readonly exit: number;
  /** What it means, in one sentence. */
  readonly meaning: string;
  /** What to do, used when the place that raises it knows no better. */
  readonly fix: string;
}

/** What the place that raises an error can add to its row. All strings are safe to show. */
export interface FaultDetail {
  /** What was attempted, values quoted, no full stop: `Cannot read policy "team.yaml"`. */
  readonly message: string;
  /** Why it failed. */
  readonly cause?: string;
  /** What to do; replaces the row's own fix. */
  readonly fix?: string;
  /** Goes into JSON-RPC `error.data` beside `code`. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A failure with a code, a cause and a way out. Thrown anywhere, caught once per door. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  readonly fix: string;
  /** Why, without the message; empty when the message says it all. */
  readonly why: string;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail: FaultDetail) {
    super(detail.message);
    this.code = code;
    this.why = detail.cause ?? "";
    this.fix = detail.fix ?? catalogue[code].fix;
    this.data = detail.data ?? {};
  }

  get spec(): ErrorSpec {
    return catalogue[this.code];
  }
}

/** Shorthand: `throw fault("GW_PORT_TAKEN", { message: … })`. */
export function fault(code: ErrorCode, detail: FaultDetail): GatewayError {
  return new GatewayError(code, detail);
}

/** Any thrown value as a GatewayError; what has no code of its own becomes GW_INTERNAL. */
export function asFault(thrown: unknown, attempted: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const cause = thrown instanceof Error ? thrown.message : String(thrown);
  return fault("GW_INTERNAL", { message: attempted, cause });
}

/** What was thrown, for a log or as a cause: `String` leaves out code and cause. */
export function causeText(thrown: unknown): string {
  if (!(thrown instanceof GatewayError)) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
  return `${thrown.code}: ${reasonOf(thrown)}`;
}

/** What to do about a server that is away: the command that knows it. */
export function tellsWhy(server: string): string {
  return `\`authensor-gw servers show ${server}\` says why and when it is tried again`;
}

/** What happened and why, without the code. */
export function reasonOf({ message, why }: GatewayError): string {
  if (why === "") return message;
  // Lines of its own need no blank behind the colon.
  return `${message}:${why.startsWith("\n") ? "" : " "}${why}`;
}

/** Three lines for a terminal: `GW_X: message`, the cause, `Try: fix`. */
export function describe(error: GatewayError): string {
  return `${causeText(error)}\nTry: ${error.fix}`;
}
