/** One request of the gateway's own over HTTP, for handshakes: its answer, or why there is none. */

import type { Clock } from "../base/ports.ts";
import type { Pieces, StrictBody } from "../protocol/message.ts";
import { readUpstream } from "../protocol/strict-json.ts";
import { classify } from "./classify.ts";
import { errorText } from "./handshake.ts";
import type { Fields } from "./http-head.ts";
import { post } from "./http-post.ts";
import type { HttpTarget } from "./http-target.ts";
import { ConnectError } from "./link.ts";

export interface Answer {
  readonly status: number;
  readonly fields: Fields;
  /** The JSON-RPC answer; undefined when the body held none. */
  readonly body: StrictBody | undefined;
}

/** Rejects with ConnectError when no HTTP answer came within `timeoutMs`. */
export function ask(
  target: HttpTarget,
  clock: Clock,
  head: string,
  message: Pieces,
  timeoutMs: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let fields: Fields = new Map();
    const fail = (why: string, refused = false) => {
      stopTimer();
      exchange.abort();
      reject(new ConnectError(why, refused));
    };
    const finish = (body: StrictBody | undefined) => {
      stopTimer();
      resolve({ status, fields, body });
    };
    const stopTimer = clock.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
    const exchange = post(
      target,
      { headText: head, body: message },
      {
        head(code, all) {
          status = code;
          fields = all;
        },
        message(body) {
          const kind = classify(body);
          if (kind.kind === "response" || kind.kind === "odd") finish(body);
        },
        refused(code, all, bytes) {
          status = code;
          fields = all;
          const read = readUpstream(bytes);
          finish(read.ok ? read.value : undefined);
        },
        end: () => finish(undefined),
        failed(error, sent, cause) {
          fail(error.why, !sent && isRefusal(cause));
        },
      },
    );
  });
}

/** Nobody listens there, as opposed to an address or certificate that is wrong. */
export function isRefusal(cause: Error | undefined): boolean {
  const { code } = (cause ?? {}) as { code?: unknown };
  return code === "ECONNREFUSED" || code === "ECONNRESET" || code === "EHOSTUNREACH";
}

/** `HTTP 401 (invalid token)`: what a refusal says of itself, safe to show. */
export function refusalText({ status, body }: Pick<Answer, "status" | "body">): string {
  const text = body === undefined ? "" : errorText(body);
  return text === "" ? `HTTP ${status}` : `HTTP ${status} (${text})`;
}
