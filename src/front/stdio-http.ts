/** One HTTP request to the MCP socket. node:http: fetch over unix sockets is Bun's only. */

import { Buffer } from "node:buffer";
import http from "node:http";
import { createSseDecoder } from "../protocol/sse.ts";

export interface SocketRequest {
  readonly socket: string;
  readonly method: "POST" | "GET" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Bytes of one answer or one event. */
  readonly maxBytes: number;
}

export interface SocketEvents {
  head?(status: number, header: (name: string) => string | undefined): void;
  /** One event of a stream: its data as it came, and its id. */
  event(data: Uint8Array, id: string | undefined): void;
  /** Once, last: the body of an answer that was no stream, or why there is none. */
  end(answer: SocketAnswer): void;
}

export type SocketAnswer =
  | { readonly kind: "whole"; readonly status: number; readonly body: Uint8Array }
  | { readonly kind: "stream" }
  /** `sent` false: no byte reached a gateway. */
  | { readonly kind: "failed"; readonly sent: boolean; readonly why: string };

/** The returned function ends it; `end` is not told then. */
export function askSocket(request: SocketRequest, on: SocketEvents): () => void {
  const { socket, method, path, body, maxBytes } = request;
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const headers = { host: "localhost", connection: "close", ...request.headers, ...length };
  let over = false;
  const end = (answer: SocketAnswer): void => {
    if (over) return;
    over = true;
    on.end(answer);
    running.destroy();
  };
  const fail = (error: Error, sent: boolean) => end({ kind: "failed", sent, why: error.message });
  // Bun reuses a pooled connection that is closing; no agent, no pool.
  const options = { socketPath: socket, method, path, headers, agent: false } as const;
  const running = http.request(options, (response) => {
    const status = response.statusCode ?? 0;
    const header = (name: string) => {
      const value = response.headers[name];
      return typeof value === "string" ? value : undefined;
    };
    if (over) return;
    on.head?.(status, header);
    const stream = header("content-type")?.startsWith("text/event-stream") === true;
    const read = stream ? streamReader() : wholeReader(status);
    response.on("data", (chunk: Buffer) => {
      if (!over) read.data(chunk);
    });
    response.on("error", (error) => fail(error, true));
    response.on("end", () => read.end());
    response.on("close", () => fail(new Error("the connection was closed"), true));
  });
  running.on("error", (error) => fail(error, !isUnreached(error)));
  running.end(body);

  function streamReader() {
    const decoder = createSseDecoder({
      maxBytes,
      event: ({ data, id }) => {
        if (!over) on.event(data, id);
      },
      tooLarge: () => fail(new Error(`an event is over ${maxBytes} bytes`), true),
    });
    return {
      data: (chunk: Buffer) => decoder.push(chunk),
      end: () => end({ kind: "stream" }),
    };
  }
  function wholeReader(status: number) {
    const chunks: Buffer[] = [];
    let size = 0;
    return {
      data(chunk: Buffer) {
        size += chunk.length;
        if (size > maxBytes) fail(new Error(`the answer is over ${maxBytes} bytes`), true);
        else chunks.push(chunk);
      },
      end: () => end({ kind: "whole", status, body: Buffer.concat(chunks) }),
    };
  }

  return () => {
    over = true;
    running.destroy();
  };
}

/** Bun has words of its own for a socket that nobody listens on. */
function isUnreached(error: Error): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return ["ENOENT", "ECONNREFUSED", "FailedToOpenSocket", "ConnectionRefused"].includes(code);
}
