/** Reads a request body within a limit, whatever its framing (R1). */

/** The bytes, or undefined when there are more than `most`. Rejects when the client went away. */
export function readBody(request: Request, most: number): Promise<Uint8Array | undefined> {
  const length = request.headers.get("content-length");
  // The runtime never hands over more than the length says; without one it is counted here.
  if (length === null) return readCounted(request, most);
  return Number(length) <= most ? request.bytes() : Promise.resolve(undefined);
}

async function readCounted(request: Request, most: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.length;
    if (total > most) return undefined;
    chunks.push(chunk);
  }
  const whole = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
