/** Mirrored headers of a call by the server's newest list, where it refused those of an old one. */

import { isObject, type JsonObject, member } from "../base/json.ts";
import type { Clock } from "../base/ports.ts";
import type { Pieces } from "../protocol/message.ts";
import { paramHeaderFields, paramHeadersOf } from "../protocol/param-headers.ts";
import type { Call } from "./http-call.ts";
import type { HttpTarget } from "./http-target.ts";
import type { Link } from "./link.ts";
import { listAll } from "./list.ts";

/** Ids of these lists: beyond all that calls, listens and levels use. */
let nextId = 2 ** 42;

/** undefined where the list says nothing else than the call did. Rejects as listAll does. */
export async function mirroredAnew(
  call: Call,
  link: Pick<Link, "hello" | "send">,
  { server, identity }: HttpTarget,
  clock: Clock,
): Promise<Call["headers"]> {
  const { hello } = link;
  const { items } = await listAll(
    {
      ...{ server, hello, clock, identity },
      ask(request, sink) {
        nextId += 1;
        return link.send(nextId, request, sink);
      },
    },
    "tools/list",
  );
  const tool = items.find(({ value }) => member(value, "name") === call.request.name);
  const schema = tool === undefined ? undefined : member(tool.value, "inputSchema");
  const read = isObject(schema) ? paramHeadersOf(schema) : undefined;
  if (read === undefined || !read.ok) return undefined;
  const headers = paramHeaderFields(read.value, paramsOf(call.request.params(call.id, "modern")));
  return sameAs(headers, call.request.headers) ? undefined : headers;
}

function paramsOf(pieces: Pieces): JsonObject {
  const parts = pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece));
  return JSON.parse(Buffer.concat(parts).toString("utf8")) as JsonObject;
}

function sameAs(one: Call["headers"], other: Call["headers"]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
