/** One HTTP request as bytes: headers may be missing, doubled or wrong, which no client allows. */

import net from "node:net";

export interface RawRequest {
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  /** As written, in this order; Content-Length and Connection: close are added. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: string | Uint8Array;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export async function rawHttp(request: RawRequest): Promise<RawResponse> {
  const { port, method = "POST", path = "/mcp", headers } = request;
  const body = Buffer.from(request.body ?? "");
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
    "Connection: close",
  ];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return readResponse(await exchange(port, Buffer.concat([head, body])));
}

function exchange(port: number, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer in 10 s")));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // A body that was not read whole is answered and then cut.
    socket.on("error", (error) => (chunks.length > 0 ? undefined : reject(error)));
    socket.on("close", () => resolve(Buffer.concat(chunks)));
  });
}

function readResponse(bytes: Buffer): RawResponse {
  const end = bytes.indexOf("\r\n\r\n");
  const [first = "", ...fields] = bytes.toString("latin1", 0, end).split("\r\n");
  const headers = new Headers();
  for (const field of fields) {
    const colon = field.indexOf(":");
    headers.append(field.slice(0, colon), field.slice(colon + 1).trim());
  }
  return { status: Number(first.slice(9, 12)), headers, body: bytes.toString("utf8", end + 4) };
}
