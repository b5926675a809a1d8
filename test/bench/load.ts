/** The load generator: raw sockets, keep-alive, one call in flight each, every answer checked. */

import { type Answer, answerReader } from "./answers.ts";

export interface Work {
  /** Bytes of the tool's argument. */
  readonly bytes: number;
  readonly shape: "text" | "dense";
  readonly concurrency: number;
}

/** Where calls go. */
export interface Door {
  /** With path. */
  readonly url: string;
  /** "" where none is needed. */
  readonly token: string;
  /** Name of the echo tool behind this door. */
  readonly tool: string;
}

export interface Run {
  readonly calls: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Load {
  /** Runs for ms or until so many calls are done, whichever comes first. */
  run(limit: { readonly ms?: number; readonly calls?: number }): Promise<Run>;
  close(): void;
}

const sessionsMost = 8;

export async function openLoad(door: Door, work: Work): Promise<Load> {
  const sessions: string[] = [];
  for (let n = 0; n < Math.min(sessionsMost, work.concurrency); n++) {
    sessions.push(await openSession(door));
  }
  const shared: Shared = { left: 0, until: 0, took: [], idle: undefined, busy: 0 };
  const lines: Line[] = [];
  for (let n = 0; n < work.concurrency; n++) {
    lines.push(await openLine(door, work, sessions[n % sessions.length] as string, shared));
  }
  return {
    async run({ ms = 600_000, calls = Number.POSITIVE_INFINITY }) {
      const start = performance.now();
      Object.assign(shared, { left: calls, until: start + ms, took: [], busy: lines.length });
      await new Promise<void>((resolve, reject) => {
        shared.idle = (error) => (error === undefined ? resolve() : reject(error));
        for (const line of lines) line.next();
      });
      const seconds = (performance.now() - start) / 1000;
      const took = shared.took.sort((a, b) => a - b);
      const at = (share: number): number => took[Math.floor(took.length * share)] ?? 0;
      return { calls: took.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
    },
    close() {
      for (const line of lines) line.close();
    },
  };
}

/** Initializes one legacy session and gives its id. */
export async function openSession(door: Door): Promise<string> {
  const headers = {
    "Content-Type": "application/json",
    Accept: "application/json, text/event-stream",
    ...(door.token === "" ? {} : { Authorization: `Bearer ${door.token}` }),
  };
  const clientInfo = { name: "bench", version: "1.0.0" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
  const answer = await fetch(door.url, { method: "POST", headers, body });
  const text = await answer.text();
  const session = answer.headers.get("mcp-session-id");
  if (session === null) throw new Error(`No session from ${door.url}: ${answer.status} ${text}`);
  await fetch(door.url, {
    method: "POST",
    headers: { ...headers, "Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-11-25" },
    body: JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }),
  });
  return session;
}

interface Shared {
  left: number;
  until: number;
  took: number[];
  busy: number;
  idle: ((error?: Error) => void) | undefined;
}

type Socket = Awaited<ReturnType<typeof Bun.connect>>;

interface Line {
  next(): void;
  close(): void;
}

/** Ids have eight digits, so that a request is made by writing them over the last one's. */
let lastId = 10_000_000;

async function openLine(door: Door, work: Work, session: string, shared: Shared): Promise<Line> {
  const { request, places, expected } = requestBytes(door, work, session);
  let id = 0;
  let sent = 0;
  let start = 0;
  let ended = false;
  /** For an answer. */
  let waits = false;
  let gone = false;
  const fail = (why: string): void => shared.idle?.(new Error(`${door.url}: ${why}`));
  const pump = (): void => {
    while (sent < request.length) {
      const wrote = socket.write(request.subarray(sent));
      if (wrote <= 0) return;
      sent += wrote;
    }
  };
  const next = (): void => {
    if (shared.left <= 0 || performance.now() >= shared.until) {
      if (--shared.busy === 0) shared.idle?.();
      return;
    }
    shared.left--;
    id = ++lastId;
    for (const place of places) request.write(String(id), place, "latin1");
    sent = 0;
    start = performance.now();
    waits = true;
    if (gone) reconnect();
    else pump();
  };
  // A line that idles through the turns of others is closed by what it leads to.
  const reconnect = (): void => {
    connect().then(
      (opened) => {
        socket = opened;
        gone = false;
        start = performance.now();
        pump();
      },
      (error: Error) => fail(error.message),
    );
  };
  const take = (answer: Answer): void => {
    waits = false;
    shared.took.push(performance.now() - start);
    const fault = check(answer, id, expected);
    if (fault === undefined) next();
    else fail(`${fault}: ${answer.status} ${answer.start}`);
  };
  const read = answerReader(take);
  const { hostname, port } = new URL(door.url);
  const connect = (): Promise<Socket> =>
    Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_, chunk) => read(chunk),
        drain: pump,
        close(self) {
          if (self !== socket) return;
          gone = true;
          if (waits && !ended) fail("the connection was closed");
        },
        error: (_, error) => fail(error.message),
      },
    });
  let socket = await connect();
  return {
    next,
    close() {
      ended = true;
      socket.end();
    },
  };
}

function check(answer: Answer, id: number, expected: number): string | undefined {
  if (answer.status !== 200) return "not a 200";
  if (answer.bodyBytes < expected || answer.bodyBytes > expected + 1000) {
    return `${answer.bodyBytes} bytes, not about ${expected}`;
  }
  const own = `"id":${id}`;
  if (!answer.start.includes(own) && !answer.end.includes(own)) return `not the answer to ${id}`;
  return answer.start.includes(`"text":"${id}`) ? undefined : `not the text of ${id}`;
}

/** The whole request, where its id stands (as id and as nonce), and the least answer's length. */
function requestBytes(door: Door, work: Work, session: string) {
  const nonce = "00000000";
  const args =
    work.shape === "text"
      ? `{"text":"${nonce}${"The quick brown fox. ".repeat(work.bytes / 21 + 1).slice(0, work.bytes - 8)}"}`
      : `{"text":"${nonce}","data":${denseJson(work.bytes)},"end":1}`;
  const before = `{"jsonrpc":"2.0","id":${nonce},"method":"tools/call","params":{"name":"${door.tool}","arguments":`;
  const body = `${before}${args}}}`;
  const { host, pathname } = new URL(door.url);
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    ...(door.token === "" ? [] : [`Authorization: Bearer ${door.token}`]),
    "Content-Type: application/json",
    "Accept: application/json, text/event-stream",
    "MCP-Protocol-Version: 2025-11-25",
    `Mcp-Session-Id: ${session}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "\r\n",
  ].join("\r\n");
  const places = [head.length + body.indexOf(nonce), head.length + before.length + 9];
  return { request: Buffer.from(head + body), places, expected: work.bytes };
}

/** Many small values, as rows of a query: about 45 bytes and five values each. */
function denseJson(bytes: number): string {
  const rows: string[] = [];
  for (let size = 0, n = 1; size < bytes; n++) {
    const row = `{"a":${n},"b":${n * 7}.25,"c":"k${n}","d":true,"e":null}`;
    rows.push(row);
    size += row.length + 1;
  }
  return `[${rows.join(",")}]`;
}
