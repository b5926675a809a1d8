/** Listeners that no server is behind. */

import { connect, type Socket } from "node:net";
import type { Bench } from "./cases.ts";

export async function tlsServer(
  bench: Bench,
  cert: { cert: string; key: string },
): Promise<number> {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: cert,
    fetch: () => new Response("no", { status: 500 }),
  });
  bench.later(() => server.stop(true));
  return server.port ?? 0;
}

/** A listener whose queue is full: the kernel drops what comes, as a firewall would. */
export async function fullListener(bench: Bench): Promise<number> {
  const script =
    "socket(S,PF_INET,SOCK_STREAM,0);bind(S,sockaddr_in(0,INADDR_LOOPBACK));listen(S,0);" +
    '($p)=sockaddr_in(getsockname(S));$|=1;print "port $p\\n";sleep 60';
  const child = bench.child(["perl", "-MSocket", "-e", script]);
  const [, port = ""] = await child.says(/port (\d+)/);
  const fillers: Socket[] = [1, 2, 3].map(() => connect(Number(port), "127.0.0.1"));
  for (const socket of fillers) socket.on("error", () => undefined);
  bench.later(() => fillers.map((socket) => socket.destroy()));
  await new Promise((resolve) => fillers[0]?.once("connect", resolve));
  return Number(port);
}
