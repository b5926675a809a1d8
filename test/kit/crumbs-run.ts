/** R10 in a process of its own: what an answer in chunks of one byte holds, as printed figures. */

import process from "node:process";
import { faultServer } from "./fault-server.ts";
import { httpUpstream, startCall, testUpstream, untilState } from "./upstream.ts";

const crumbs = 2_000_000;
const sent = Promise.withResolvers<void>();
const server = await faultServer(async (socket) => {
  const type = "Content-Type: application/json\r\nTransfer-Encoding: chunked";
  socket.write(`HTTP/1.1 200 OK\r\n${type}\r\n\r\n`);
  const piece = "1\r\nx\r\n".repeat(10_000);
  for (let count = 0; count < crumbs; count += 10_000) {
    await new Promise((resolve) => socket.write(piece, resolve));
  }
  sent.resolve();
});
const upstream = await testUpstream(httpUpstream(server.url));
upstream.start();
await untilState(upstream, "ready");
Bun.gc(true);
const before = process.memoryUsage().rss;
// It is never answered to its end: all that came is held.
startCall(upstream, "t");
await sent.promise;
await Bun.sleep(500);
Bun.gc(true);
const rssBytes = process.memoryUsage().rss - before;
process.stdout.write(`${JSON.stringify({ crumbs, rssBytes })}\n`);
process.exit(0);
