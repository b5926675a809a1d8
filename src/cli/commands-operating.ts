/** Rows of the table of commands: logs, log level, the service. */

import type { Command } from "./command.ts";
import { config, json, keyFile } from "./options.ts";

export const operating: readonly Command[] = [
  {
    name: "log-level",
    usage: "[debug|info|warn|error|reset] [--for 10m] [--server ID] [--key NAME] [--json]",
    summary: "Change the running gateway's log level; it ends by itself",
    help:
      "Without a level: shows it. Needs a key with the role operator or admin. debug tells what\n" +
      "passes on both hops of each call: methods, ids, sizes, times and rules, never arguments.",
    examples: ["log-level debug --for 10m --server github", "log-level reset"],
    options: [
      config,
      json,
      keyFile,
      { name: "for", value: "TIME", doc: "how long; 10m if not named, 24h at most" },
      { name: "server", value: "ID", doc: "only calls of this server" },
      { name: "key", value: "NAME", doc: "only calls of this key" },
    ],
    args: [0, 1],
    load: async () => (await import("./log-level.ts")).run,
  },
];
