/** Calls at a fixed rate, whatever the answers take: what waits shows in the latencies. */

import { answerReader } from "../bench/answers.ts";
import { type Door, openSession } from "../bench/load.ts";

export interface Pace {
  /** Latencies in ms, each from the moment its call was due. */
  run(callsPerSecond: number, seconds: number): Promise<number[]>;
  close(): void;
}

const lines = 64;

export async function openPace(door: Door): Promise<Pace> {
  const session = await openSession(door);
  const { hostname, port, host } = new URL(door.url);
  const idle: Line[] = [];
  const due: number[] = [];
  let took: number[] = [];
  let open = 0;
  let done = () => {};
  let lastId = 10_000_000;

  interface Line {
    write(id: number): Promise<void>;
    close(): void;
    since: number;
  }
  const begin = (line: Line, at: number): void => {
    line.since = at;
    void line.write(++lastId);
  };
  const ended = (line: Line): void => {
    took.push(performance.now() - line.since);
    open -= 1;
    const next = due.shift();
    if (next === undefined) idle.push(line);
    else begin(line, next);
    if (open === 0) done();
  };
  for (let n = 0; n < lines; n++) {
    const read = answerReader((answer) => {
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.start}`);
      ended(line);
    });
    let closed = false;
    // The gateway closes a connection that was not used for a while.
    const connect = () => {
      closed = false;
      return Bun.connect({
        hostname,
        port: Number(port),
        socket: {
          data: (_, chunk) => read(chunk),
          close() {
            closed = true;
          },
        },
      });
    };
    let socket = await connect();
    const line: Line = {
      since: 0,
      close: () => void socket.end(),
      async write(id) {
        if (closed) socket = await connect();
        const call = { name: door.tool, arguments: { text: String(id).padEnd(200, "x") } };
        const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: call });
        socket.write(
          `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${door.token}\r\n` +
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n" +
            `MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: ${session}\r\n` +
            `Content-Length: ${body.length}\r\n\r\n${body}`,
        );
      },
    };
    idle.push(line);
  }
  return {
    async run(callsPerSecond, seconds) {
      took = [];
      const calls = Math.round(callsPerSecond * seconds);
      const start = performance.now();
      const all = new Promise<void>((resolve) => {
        done = () => begun === calls && resolve();
      });
      let begun = 0;
      while (begun < calls) {
        const wanted = Math.min(calls, ((performance.now() - start) / 1000) * callsPerSecond);
        for (; begun < wanted; begun++) {
          const at = start + (begun / callsPerSecond) * 1000;
          const line = idle.pop();
          open += 1;
          if (line === undefined) due.push(at);
          else begin(line, at);
        }
        await Bun.sleep(1);
      }
      if (open > 0) await all;
      return took;
    },
    close() {
      for (const line of idle) line.close();
    },
  };
}

export function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}
