/** A control API that streams what a test says: the interface's other end without a gateway. */

import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type LiveBatch,
  type LiveCall,
  type LiveSnapshot,
  paths,
} from "../../src/admin/contract.ts";
import { demoSource } from "../../tui/demo.ts";

export interface FakeLive {
  readonly socket: string;
  /** Of the scripted demo, at the present time. */
  readonly snapshot: LiveSnapshot;
  /** Requests that change something: path and body. */
  readonly posted: readonly (readonly [path: string, body: unknown])[];
  send(batch: Omit<LiveBatch, "seq" | "now">): void;
  /** An ended call like those of the snapshot. */
  call(id: string, more?: Partial<LiveCall>): LiveCall;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function fakeLive(
  change: (real: LiveSnapshot) => unknown = (real) => real,
): Promise<FakeLive> {
  const folder = mkdtempSync(join(tmpdir(), "gw-live-"));
  const socket = join(folder, "admin.sock");
  const watchers = new Set<http.ServerResponse>();
  const posted: [string, unknown][] = [];
  const snapshot = presentSnapshot();
  let seq = snapshot.seq;
  const server = http.createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (path === paths.events) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const changed = change({ ...snapshot, seq, now: Date.now() });
      response.write(`event: snapshot\nid: ${seq}\ndata: ${JSON.stringify(changed)}\n\n`);
      watchers.add(response);
      response.on("close", () => watchers.delete(response));
      return;
    }
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      if (request.method === "POST") posted.push([path, JSON.parse(text)]);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const [template] = snapshot.calls.filter((call) => call.stage === "over");
  return {
    ...{ socket, snapshot, posted },
    send(batch) {
      seq += 1;
      const text = JSON.stringify({ ...batch, seq, now: Date.now() });
      for (const one of watchers) one.write(`event: batch\nid: ${seq}\ndata: ${text}\n\n`);
    },
    call: (id, more = {}) => ({ ...(template as LiveCall), startedMs: Date.now(), id, ...more }),
    async [Symbol.asyncDispose]() {
      for (const one of watchers) one.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The demo's first picture with nothing in flight, its times moved to now. */
function presentSnapshot(): LiveSnapshot {
  let first: LiveSnapshot | undefined;
  const nothing = () => undefined;
  const take = (snapshot: LiveSnapshot) => {
    first = snapshot;
  };
  demoSource(() => 0).watch({ snapshot: take, batch: nothing, lost: nothing })();
  if (first === undefined) throw new Error("the demo has no first picture");
  return { ...first, calls: first.calls.filter((call) => call.stage === "over") };
}
