/** The doors' connections come in where there is room for them (R8). */

import { noRoom, type Room } from "./room.ts";
import type { ListenSockets } from "./serve.ts";

type Options = Parameters<ListenSockets>[0];
type Handlers = Options["socket"];
type Socket = Parameters<Handlers["open"]>[0] & { readonly fd: number };

export function inRoom(room: Room, listen: ListenSockets): ListenSockets {
  return (options) => {
    const { socket } = options;
    // Clients of a unix socket are people of this machine: what is spared is spared for them too.
    if (options.unix !== undefined) return listen(options);
    const handlers: Handlers & { handshake(): void } = {
      ...socket,
      // Without it, Bun tells of a TLS connection only when its handshake is over, and nobody would
      // count or end one that never gets there (R5).
      handshake: () => undefined,
      open(self: Socket) {
        socket.open(self);
        if (room.enter(self, self.fd)) return;
        // TLS begins with the client: what is said before would be no answer.
        if (options.tls === undefined) self.write(noRoom);
        self.end();
      },
      close(self) {
        room.leave(self);
        socket.close(self);
      },
    };
    return listen({ ...options, socket: handlers });
  };
}
