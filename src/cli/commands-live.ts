/** Rows of the table of commands: servers and calls of the running gateway. */

import type { Command } from "./command.ts";
import { config, filter, json, keyFile } from "./options.ts";

const role = "Needs a key with the role operator or admin.";
const callId = "ID is what `calls list` shows, such as c-1042.";
const thisRun =
  "Until the gateway is started anew:\n" +
  "`disabled: true` in the config, then `reload`, is for longer.";

export const live: readonly Command[] = [
  {
    name: "servers list",
    usage: "[--json]",
    summary: "List the servers behind the running gateway, trouble first",
    help:
      "FOR: how long the state or the trouble has lasted.\n" +
      "BUSY: calls in flight, of max_in_flight.",
    examples: ["servers list", "servers list --json"],
    options: [config, json],
    args: [0, 0],
    load: async () => (await import("./servers-list.ts")).run,
  },
  {
    name: "servers show",
    usage: "NAME [--json]",
    summary: "Show a server: cause, effect, what to do, history, last lines of stderr",
    examples: ["servers show files"],
    options: [config, json],
    args: [1, 1],
    load: async () => (await import("./servers-show.ts")).run,
  },
  {
    name: "servers retry",
    usage: "NAME [--json]",
    summary: "Connect a server now that waits; list a connected one's tools anew",
    help: `${role} Exit 1 when that did not help.`,
    examples: ["servers retry github"],
    options: [config, json, keyFile],
    args: [1, 1],
    load: async () => (await import("./servers-act.ts")).runAction("retry"),
  },
  {
    name: "servers restart",
    usage: "NAME [--json]",
    summary: "End a server's process or session and begin another",
    help: `${role} Calls that a process had end with GW_UPSTREAM_LOST.`,
    examples: ["servers restart files"],
    options: [config, json, keyFile],
    args: [1, 1],
    load: async () => (await import("./servers-act.ts")).runAction("restart"),
  },
  {
    name: "servers disable",
    usage: "NAME [--json]",
    summary: "End a server and hide its tools",
    help: `${role} ${thisRun}`,
    examples: ["servers disable github --key-file ops.key"],
    options: [config, json, keyFile],
    args: [1, 1],
    load: async () => (await import("./servers-act.ts")).runAction("disable"),
  },
  {
    name: "servers enable",
    usage: "NAME [--json]",
    summary: "Start a server that is disabled",
    help: `${role} ${thisRun}`,
    examples: ["servers enable github"],
    options: [config, json, keyFile],
    args: [1, 1],
    load: async () => (await import("./servers-act.ts")).runAction("enable"),
  },
  {
    name: "calls list",
    usage: "[--all] [--filter TEXT] [--json]",
    summary: "List the calls in flight, soonest deadline first, with the setting that set it",
    examples: ["calls list --filter 'server:github took:>5s'"],
    options: [config, json, filter, { name: "all", doc: "also those that ended last" }],
    args: [0, 0],
    load: async () => (await import("./calls-list.ts")).run,
  },
  {
    name: "calls cancel",
    usage: "ID [--reason TEXT] [--json]",
    summary: "End a call in flight; its agent is told that an operator did",
    help: `${callId} ${role}`,
    examples: ["calls cancel c-1042 --reason 'wrong folder'"],
    options: [
      config,
      json,
      keyFile,
      { name: "reason", value: "TEXT", doc: "what the agent and the receipt are told" },
    ],
    args: [1, 1],
    load: async () => (await import("./calls-act.ts")).runCancel,
  },
  {
    name: "calls extend",
    usage: "ID --by 5m [--json]",
    summary: "Give a call in flight more time than its setting says",
    help: `${callId} ${role}`,
    examples: ["calls extend c-1042 --by 5m"],
    options: [
      config,
      json,
      keyFile,
      { name: "by", value: "TIME", doc: "it may run at least this long from now" },
    ],
    args: [1, 1],
    load: async () => (await import("./calls-act.ts")).runExtend,
  },
  {
    name: "reload",
    usage: "[--dry-run] [--json]",
    summary: "Have the running gateway load config and policy anew",
    help:
      "Needs a key with the role admin. Servers that did not change keep process, sessions and\n" +
      "calls; of those that did, calls in flight end where they are. Files that do not load\n" +
      "change nothing. --dry-run says what it would do; exit 1 when it would be refused.",
    examples: ["reload --dry-run"],
    options: [
      config,
      json,
      keyFile,
      { name: "dry-run", doc: "say what it would do, and do nothing" },
    ],
    args: [0, 0],
    load: async () => (await import("./reload.ts")).run,
  },
];
