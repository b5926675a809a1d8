/** An HTTP server on a bare socket that handshakes well and then does what a test tells it to. */

import { createServer, type Server, type Socket } from "node:net";

export interface FaultServer {
  readonly url: string;
  /** Each request as it arrived: head and body. */
  readonly requests: readonly ReceivedRequest[];
  /** Connections ever accepted. */
  accepted(): number;
  close(): Promise<void>;
}

export interface ReceivedRequest {
  readonly head: string;
  readonly body: string;
  /** JSON-RPC method, or "" for GET and DELETE. */
  readonly method: string;
  readonly id: number | undefined;
}

/** Answers a `tools/call` (and what else `handles` names) on the raw socket. */
export type Misbehave = (socket: Socket, request: ReceivedRequest, count: number) => void;

export interface FaultOptions {
  readonly port?: number;
  readonly host?: string;
  /** Methods given to `misbehave`; tools/call when absent. */
  readonly handles?: readonly string[];
  /** The server's declared capabilities. */
  readonly capabilities?: object;
  /** Legacy with this session id; modern when absent. */
  readonly session?: () => string;
  /** Names of its tools now; none when absent. */
  readonly tools?: () => readonly string[];
  /** A longer body is answered when its first bytes are there, and the rest is not read. */
  readonly earlyBytes?: number;
}

export async function faultServer(
  misbehave: Misbehave,
  options: FaultOptions = {},
): Promise<FaultServer> {
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  const handles = options.handles ?? ["tools/call"];
  let accepted = 0;
  let count = 0;
  const server: Server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    readRequests(socket, options.earlyBytes, (request) => {
      requests.push(request);
      if (handles.includes(request.method)) {
        count += 1;
        misbehave(socket, request, count);
      } else socket.write(wellBehaved(request, options));
    });
  });
  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, host, resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}/mcp`,
    requests,
    accepted: () => accepted,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A good HTTP answer with this JSON value. */
export function json(value: unknown, more = ""): string {
  const text = JSON.stringify(value);
  const length = Buffer.byteLength(text);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${more}Content-Length: ${length}\r\n\r\n${text}`;
}

/** The response to a call that went well. */
export function okResult(request: ReceivedRequest, text = "ok"): object {
  const result = { resultType: "complete", content: [{ type: "text", text }] };
  return { jsonrpc: "2.0", id: request.id, result };
}

export function status(code: number, body = "", more = ""): string {
  return `HTTP/1.1 ${code} X\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function wellBehaved(request: ReceivedRequest, options: FaultOptions): string {
  const { id, method } = request;
  const answer = (result: object, more = "") => json({ jsonrpc: "2.0", id, result }, more);
  const capabilities = options.capabilities ?? { tools: {} };
  const serverInfo = { name: "fault", version: "1" };
  if (options.session === undefined) {
    if (method === "server/discover") {
      return answer({ supportedVersions: ["2026-07-28"], capabilities });
    }
  } else if (method === "server/discover") return status(400, "no");
  if (method === "initialize") {
    const result = { protocolVersion: "2025-11-25", capabilities, serverInfo };
    return answer(result, `Mcp-Session-Id: ${options.session?.() ?? "s"}\r\n`);
  }
  if (method === "tools/list") {
    const inputSchema = { type: "object", properties: { n: {}, well: {}, fault: {} } };
    return answer({ tools: (options.tools?.() ?? []).map((name) => ({ name, inputSchema })) });
  }
  if (method === "ping") return answer({});
  if (id === undefined && method !== "") return status(202);
  return status(405);
}

function readRequests(
  socket: Socket,
  earlyBytes: number | undefined,
  on: (request: ReceivedRequest) => void,
): void {
  let data = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    data = Buffer.concat([data, chunk]);
    for (;;) {
      const end = data.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = data.subarray(0, end).toString("latin1");
      const field = /content-length: (\d+)/i.exec(head);
      const length = field === null ? 0 : Number(field[1]);
      if (length > (earlyBytes ?? length)) {
        const body = data.subarray(end + 4).toString("latin1");
        const id = /"id":(\d+),/.exec(body);
        if (id === null) return;
        socket.pause();
        on({ head, body, method: "tools/call", id: Number(id[1]) });
        return;
      }
      if (data.length < end + 4 + length) return;
      const body = data.subarray(end + 4, end + 4 + length).toString("utf8");
      data = data.subarray(end + 4 + length);
      const message = body === "" ? {} : (JSON.parse(body) as { method?: string; id?: number });
      on({ head, body, method: message.method ?? "", id: message.id });
    }
  });
}
