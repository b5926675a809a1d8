import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A loopback port nobody listens on now, below the range from which the system takes ports for
 * outgoing connections: it stays free while what listened there is away for a moment.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const failed = once(server, "error").then(() => false);
  server.listen(port, "127.0.0.1");
  const free = await Promise.race([failed, once(server, "listening").then(() => true)]);
  server.close();
  return free;
}
