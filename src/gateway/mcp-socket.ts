/** The socket on which `authensor-gw stdio` reaches MCP: beside the admin socket. */

import { socketFault } from "../admin/socket-fault.ts";

/** A name as long as the admin socket's: a socket's path may have about 100 bytes. */
export function mcpSocket(admin: string): string {
  return admin.endsWith(".sock") ? `${admin.slice(0, -".sock".length)}.mcp` : `${admin}.mcp`;
}

/** Does somebody listen there? Rejects with GW_SOCKET where this user may not know. */
export async function answersAt(socket: string): Promise<boolean> {
  const net = await import("node:net"); // Not for a start, which only asks for the name.
  return new Promise((resolve, reject) => {
    const tried = net.connect(socket);
    tried.once("connect", () => {
      tried.destroy();
      resolve(true);
    });
    tried.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EACCES" || error.code === "EPERM") reject(socketFault(socket));
      else resolve(false);
    });
  });
}
