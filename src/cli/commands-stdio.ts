/** The row of `stdio`. */

import type { Command } from "./command.ts";
import { config, keyFile } from "./options.ts";

export const stdio: Command = {
  name: "stdio",
  usage: "[--config FILE] [--key-file FILE] | --policy NAME|FILE [--env NAME]… -- COMMAND…",
  summary: "Be the MCP server that a desktop client starts",
  help:
    "Speaks MCP on stdin and stdout, and hands each message to the gateway of the config, which\n" +
    "it starts when none runs; that one ends a minute after its last client. Key: --key-file,\n" +
    "$AUTHENSOR_GW_KEY, or the key `local` that `init` makes. With a command after -- that one\n" +
    "server stands behind a gateway of its own: put the words before it into the client's file.",
  examples: [
    "stdio",
    "stdio --policy read-only -- npx -y @modelcontextprotocol/server-filesystem /srv/data",
  ],
  options: [
    config,
    keyFile,
    { name: "policy", value: "NAME|FILE", doc: "a template or a file; goes with a command" },
    { name: "env", value: "NAME", doc: "a variable that the command gets; may come several times" },
  ],
  args: [0, 1000],
  load: async () => (await import("./stdio.ts")).run,
};
