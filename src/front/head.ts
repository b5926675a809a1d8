/**
 * What the head of a request says to the door: read once for all requests that have the same one.
 * Our own server on Bun recognises such a head and hands on the same fields; on Deno each request
 * has its own.
 */

import type { HeaderFields, HttpRequest } from "../base/http-request.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { type Accepts, accepts, isJson } from "./media.ts";

export class RequestHead {
  readonly host: string | null;
  readonly origin: string | null;
  readonly path: string;
  readonly method: string;
  /** Its Authorization; whose key it is, and whether that lives, is asked for each request. */
  readonly authorization: string | null;
  readonly version: string | null;
  readonly sessionId: string | null;
  /** The state of the host guard in which Host and Origin passed. */
  passed: object | undefined = undefined;
  /** What answers its path and method to who has a key, once that was looked for. */
  answer: ((door: Door, caller: Caller) => Answer) | undefined = undefined;
  readonly #headers: HeaderFields;
  #isJson: boolean | undefined = undefined;
  #accepts: Accepts | undefined = undefined;

  constructor({ method, url, headers }: HttpRequest) {
    this.#headers = headers;
    this.host = headers.get("host");
    this.origin = headers.get("origin");
    this.path = pathOf(url);
    this.method = method;
    this.authorization = headers.get("authorization");
    this.version = headers.get("mcp-protocol-version");
    this.sessionId = headers.get("mcp-session-id");
  }

  /**
   * A body of JSON; compressed it would hide from every check what it carries (P10). Like `accepts`
   * not before it is asked for: a long list costs a millisecond, and who has no key gets none (R1).
   */
  get isJson(): boolean {
    const headers = this.#headers;
    this.#isJson ??=
      isJson(headers.get("content-type")) && headers.get("content-encoding") === null;
    return this.#isJson;
  }

  get accepts(): Accepts {
    this.#accepts ??= accepts(this.#headers.get("accept"));
    return this.#accepts;
  }
}

export function headOf(request: HttpRequest): RequestHead {
  const { headers } = request;
  if (headers.note instanceof RequestHead) return headers.note;
  const head = new RequestHead(request);
  if ("note" in headers) headers.note = head;
  return head;
}

/**
 * The path as the runtime hands it on. It resolved dot segments by then, also `%2e`, and took a
 * backslash for a slash: `/x/../mcp` arrives as `/mcp`. All else is as it was sent, and nothing
 * here decodes or joins (F13): `/mcp/`, `//mcp`, `/%6dcp` and `/MCP` are other paths. The Host is
 * checked before the path is used, so nothing in it can move the first slash (F3).
 */
function pathOf(url: string): string {
  const start = url.indexOf("/", "http://".length + 1);
  const query = url.indexOf("?", start);
  return query === -1 ? url.slice(start) : url.slice(start, query);
}
