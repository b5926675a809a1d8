/** No command and no config: what is on this machine, and the two ways to begin. */

import { catalogue } from "../base/error-codes.ts";
import { findClients } from "./clients.ts";
import type { Io } from "./print.ts";

/** Prints and gives exit 78: nothing runs without a config. */
export function welcome(io: Io): number {
  io.out(
    "authensor-gw: an MCP gateway that decides every call by policy and keeps a receipt of it",
  );
  io.out("");
  io.out("There is no config yet.");
  const clients = findClients(io);
  if (clients.length > 0) {
    io.out("Client configs found on this machine:");
    for (const { name, file, servers } of clients) {
      io.out(`  ${name}: ${file} (${servers} server${servers === 1 ? "" : "s"})`);
    }
  }
  io.out("");
  io.out("  authensor-gw demo    shows the main job in a few seconds");
  const from = clients.find(({ servers }) => servers > 0);
  io.out("  authensor-gw init    writes a config, a policy and the first admin key");
  if (from !== undefined) io.out(`  authensor-gw init --from ${JSON.stringify(from.file)}`);
  return catalogue.GW_CONFIG_MISSING.exit;
}
