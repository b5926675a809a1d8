/**
 * What HTTP servers do wrong with a call, by name. A call with the argument `well` is answered
 * well, so that one server shows the fault and its end; one with `fault` gets that fault.
 */

import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { json, type Misbehave, okResult, type ReceivedRequest, status } from "./fault-server.ts";

type Fault = (socket: Socket, request: ReceivedRequest) => void;

const sseHead =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const jsonHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const event = (value: object) => chunk(`data: ${JSON.stringify(value)}\n\n`);
const progress = (request: ReceivedRequest, count: number) => ({
  ...{ jsonrpc: "2.0", method: "notifications/progress" },
  params: { progressToken: tokenOf(request), progress: count },
});

function tokenOf({ body }: ReceivedRequest): unknown {
  return JSON.parse(body).params._meta?.progressToken;
}

export const httpFaults: Readonly<Record<string, Fault>> = {
  hang: () => undefined,
  cut: (socket) => socket.destroy(),
  short: (socket) => socket.end(`${jsonHead}Content-Length: 1000\r\n\r\n{"jsonrpc"`),
  html: (socket) =>
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>\n"),
  garbage: (socket) => socket.write(`${jsonHead}Content-Length: 5\r\n\r\n{"a":`),
  "wrong-id": (socket, request) => socket.write(json({ ...okResult(request), id: 999_999 })),
  /** That of the call before, which may be in flight: on this call's connection it is nobody's. */
  "before-id"(socket, request) {
    const other = { ...okResult(request, "not yours"), id: (request.id ?? 0) - 1 };
    socket.write(json(other));
  },
  "text-id": (socket, request) => socket.write(json({ ...okResult(request), id: `${request.id}` })),
  twice(socket, request) {
    socket.write(sseHead + event(okResult(request, "first")) + event(okResult(request, "second")));
    socket.write("0\r\n\r\n");
  },
  stray(socket, request) {
    const other = { ...okResult(request, "stray"), id: (request.id ?? 0) + 1 };
    socket.write(`${sseHead}${event(other)}${event(okResult(request, "mine"))}0\r\n\r\n`);
  },
  drip(socket, request) {
    const text = JSON.stringify(okResult(request));
    socket.write(`${jsonHead}Content-Length: ${text.length}\r\n\r\n`);
    slowly(socket, [...text], 100);
  },
  /** Tells of progress for ever, and never answers. */
  promises(socket, request) {
    socket.write(sseHead);
    const told = Array.from({ length: 200 }, (_, count) => event(progress(request, count)));
    slowly(socket, told, 50);
  },
  "500": (socket) => socket.write(status(500, "broken")),
  "429": (socket) => socket.write(status(429, "slower", "Retry-After: 1\r\n")),
  "401": (socket) => socket.write(status(401, "who")),
  redirect: (socket) => socket.write(status(307, "", "Location: http://127.0.0.1:9/mcp\r\n")),
  "gzip-bomb"(socket) {
    socket.write(`${jsonHead}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`);
    socket.write(bomb);
  },
  /** A well-formed answer of 300 MB. */
  giant(socket, request) {
    const before = `{"jsonrpc":"2.0","id":${request.id},"result":{"content":[{"type":"text","text":"`;
    const after = '"}]}}';
    const length = before.length + 300 * block.length + after.length;
    socket.write(`${jsonHead}Content-Length: ${length}\r\n\r\n${before}`);
    pour(socket, 300, () => block, after);
  },
  /** The same as an event of a stream, which says no length before. */
  "giant-event"(socket, request) {
    socket.write(sseHead);
    const before = `data: {"jsonrpc":"2.0","id":${request.id},"result":{"content":[{"type":"text","text":"`;
    socket.write(chunk(before));
    const part = Buffer.concat([Buffer.from("100000\r\n"), block, Buffer.from("\r\n")]);
    pour(socket, 300, () => part, `${chunk('"}]}}\n\n')}0\r\n\r\n`);
  },
  /** A million progress notifications as fast as they are taken, then the answer. */
  storm(socket, request) {
    socket.write(sseHead);
    let count = 0;
    const thousand = () =>
      chunk(
        Array.from({ length: 1_000 }, () => {
          count += 1;
          return `data: ${JSON.stringify(progress(request, count))}\n\n`;
        }).join(""),
      );
    pour(socket, 1_000, thousand, `${event(okResult(request))}0\r\n\r\n`);
  },
  headers(socket) {
    socket.write("HTTP/1.1 200 OK\r\n");
    const lines = Buffer.from("X-More: and more\r\n".repeat(5_000));
    pour(socket, 100, () => lines, "\r\n");
  },
};

/** The server that does this to each call but those that ask for a good answer. */
export function faulty(name: string): Misbehave {
  const faultOf = (wanted: string) => {
    const fault = httpFaults[wanted];
    if (fault === undefined) throw new Error(`no fault "${wanted}"`);
    return fault;
  };
  const own = faultOf(name);
  return (socket, request) => {
    const { well, fault } = JSON.parse(request.body).params.arguments ?? {};
    if (well === true) socket.write(json(okResult(request)));
    else if (typeof fault === "string") faultOf(fault)(socket, request);
    else own(socket, request);
  };
}

const block = Buffer.alloc(1024 * 1024, "x");
/** 199 kB that are 190 MB: members of one MiB each, one after another. */
const member = gzipSync(Buffer.alloc(1024 * 1024), { level: 9 });
const bomb = Buffer.concat(Array.from({ length: 190 }, () => member));

function slowly(socket: Socket, parts: readonly string[], ms: number): void {
  const left = [...parts];
  const timer = setInterval(() => {
    const part = left.shift();
    if (part === undefined || socket.destroyed) clearInterval(timer);
    else socket.write(part);
  }, ms);
}

/** No faster than it is read. */
function pour(socket: Socket, times: number, part: () => string | Buffer, last: string): void {
  let done = 0;
  const more = () => {
    while (!socket.destroyed && done < times) {
      done += 1;
      if (socket.write(part())) continue;
      socket.once("drain", more);
      return;
    }
    if (done === times && !socket.destroyed) socket.write(last);
  };
  more();
}
