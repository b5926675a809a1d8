import * as net from "node:net";
import * as tls from "node:tls";
import type { Connection, DialOptions } from "./runtime.ts";

/** Runtime.dial over node:net and node:tls; certificates and names are always checked (U24). */
export function dialNode(options: DialOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let opened = false;
    let cause: Error | undefined;
    const socket = connect(options);
    const timer = setTimeout(() => {
      const error = new Error(`no connection within ${options.timeoutMs} ms`);
      socket.destroy(Object.assign(error, { code: "ETIMEDOUT" }));
    }, options.timeoutMs);
    socket.setNoDelay(true);
    socket.once(options.tls === undefined ? "connect" : "secureConnect", () => {
      opened = true;
      clearTimeout(timer);
      resolve({
        write: (chunk) => socket.writable && socket.write(chunk),
        // The `slice` of a Buffer is no copy.
        lend: (memory, start, end) =>
          socket.writable && socket.write(new Uint8Array(memory.subarray(start, end))),
        hasSent: () => socket.writableLength === 0,
        pause: () => void socket.pause(),
        resume: () => void socket.resume(),
        destroy: () => void socket.destroy(),
      });
    });
    socket.on("data", (chunk: Uint8Array) => options.on.data(chunk));
    socket.on("drain", () => options.on.drain());
    socket.on("error", (error) => {
      cause = error;
    });
    socket.on("close", () => {
      clearTimeout(timer);
      if (opened) options.on.close(cause);
      else reject(cause ?? closedEarly());
    });
  });
}

function connect(options: DialOptions): net.Socket {
  const { host, port } = options;
  if (options.tls === undefined) return net.connect({ host, port });
  const { serverName, ca } = options.tls;
  return tls.connect({
    host,
    port,
    rejectUnauthorized: true,
    // RFC 6066: an address is no server name; the certificate is checked against it all the same.
    ...(net.isIP(serverName) === 0 ? { servername: serverName } : {}),
    checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(serverName, certificate),
    ...(ca === undefined ? {} : { ca }),
  });
}

function closedEarly(): Error {
  const error = new Error("the connection was closed while it was opened");
  return Object.assign(error, { code: "ECONNRESET" });
}
