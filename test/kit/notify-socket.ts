/**
 * systemd's end of a notify socket, recorded: Bun has no unix datagram sockets, Deno has.
 * `deno run -A --unstable-net notify-socket.ts PATH` prints each datagram as one line of JSON.
 */

import { startChild } from "./child.ts";
import { denoPath } from "./gateway.ts";

export interface NotifySocket {
  readonly path: string;
  /** Datagrams so far, each as its lines. */
  received(): readonly (readonly string[])[];
  /** Resolves when a line of any datagram is, or begins with, this; rejects after ms. */
  says(line: string, ms?: number): Promise<void>;
  /** Its reader stands still, and goes on. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<unknown>;
}

export async function notifySocket(path: string): Promise<NotifySocket> {
  const command = [denoPath(), "run", "-A", "--unstable-net", import.meta.filename, path];
  const child = startChild(command);
  await child.says(/listening/);
  const received = () =>
    child
      .stdout()
      .split("\n")
      .filter((line) => line.startsWith('"'))
      .map((line) => (JSON.parse(line) as string).split("\n"));
  return {
    path,
    received,
    async says(wanted, ms = 10_000) {
      for (const until = performance.now() + ms; ; await Bun.sleep(10)) {
        if (received().some((lines) => lines.some((line) => line.startsWith(wanted)))) return;
        if (performance.now() < until) continue;
        throw new Error(`"${wanted}" was not told: ${JSON.stringify(received())}`);
      }
    },
    freeze: () => child.process.kill("SIGSTOP"),
    thaw: () => child.process.kill("SIGCONT"),
    stop: () => child.stop(),
  };
}

interface DenoNet {
  listenDatagram(options: { transport: "unixpacket"; path: string }): {
    receive(): Promise<[Uint8Array, unknown]>;
  };
}

if (import.meta.main && "Deno" in globalThis) {
  const { Deno } = globalThis as unknown as { Deno: DenoNet & { args: readonly string[] } };
  const socket = Deno.listenDatagram({ transport: "unixpacket", path: Deno.args[0] ?? "" });
  process.stdout.write("listening\n");
  for (;;) {
    const [data] = await socket.receive();
    process.stdout.write(`${JSON.stringify(new TextDecoder().decode(data))}\n`);
  }
}
